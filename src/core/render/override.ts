/**
 * Overrides of single elements by path, `vendorConfig/webAccess` or `sipProfile/sipLines/line[2]/name` (1 is the first).
 * A missing element is added at the end of its parent; an element that has elements of its own cannot become text.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { Overrides } from '../devices/provisioning.ts';
import { element, elementNamePattern, type RenderProblem, type XmlElement } from './xml.ts';

interface Step {
  readonly name: string;
  /** Among the siblings of that name, from 0. */
  readonly index: number;
}

/** `undefined` for what is no path. */
export function parseElementPath(path: string): readonly Step[] | undefined {
  const steps: Step[] = [];
  for (const part of path.split('/')) {
    const match = /^([^[\]]{1,64})(?:\[([1-9]\d{0,2})\])?$/.exec(part);
    if (match === null || !elementNamePattern.test(match[1] ?? '')) return undefined;
    steps.push({ name: match[1] ?? '', index: Number(match[2] ?? 1) - 1 });
  }
  return steps.length > 16 ? undefined : steps;
}

/** In the order of the layers: a later one wins over an earlier one. */
export function applyOverrides(
  root: XmlElement,
  layers: readonly Overrides[],
): Outcome<XmlElement, RenderProblem> {
  let result = root;
  for (const [path, value] of layers.flatMap((layer) => Object.entries(layer))) {
    const steps = parseElementPath(path);
    if (steps === undefined) return bad({ path, reason: 'is not a path of elements' });
    const changed = set(result, steps, value);
    if (typeof changed === 'string') return bad({ path: `${root.name}/${path}`, reason: changed });
    result = changed;
  }
  return good(result);
}

function set(parent: XmlElement, steps: readonly Step[], value: string): XmlElement | string {
  const [step, ...rest] = steps;
  if (step === undefined)
    return typeof parent.content === 'object' && parent.content.length > 0
      ? 'has elements of its own'
      : { ...parent, content: value };
  if (typeof parent.content === 'string' && parent.content !== '') return `${parent.name} is text`;
  const children = typeof parent.content === 'string' ? [] : parent.content;
  const places = children.flatMap(({ name }, at) => (name === step.name ? [at] : []));
  const at = places[step.index];
  if (at === undefined && step.index > places.length) return `there are ${places.length} ${step.name}`;
  const changed = set(
    at === undefined ? element(step.name) : (children[at] ?? element(step.name)),
    rest,
    value,
  );
  if (typeof changed === 'string') return changed;
  const content = at === undefined ? [...children, changed] : children.with(at, changed);
  return { ...parent, content };
}

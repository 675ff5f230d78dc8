/**
 * Settings as they were given, each with the place it came from, so that an error names that place: `file:line:column`,
 * an environment variable or an option.
 */
import { LineCounter, isMap, isNode, isPair, isScalar, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { bad, good } from '../base/outcome.ts';
import type { Outcome } from '../base/outcome.ts';
import { nearest } from './nearest.ts';
import { environmentName, settingLeaves } from './leaves.ts';
import type { SchemaNode } from './leaves.ts';

export interface GivenSetting {
  readonly path: readonly string[];
  readonly value: unknown;
  /** `TFTP_PKI_TFTP_LISTEN`, `--tftp`. */
  readonly place: string;
}

export interface ConfigFile {
  readonly value: unknown;
  /** Where the value at `path` begins, or its key; the start of the nearest group around it where it is missing. */
  placeOf(path: readonly PropertyKey[], of: 'key' | 'value'): string;
}

/** Reads one YAML document; problems are whole lines. An empty file is an empty group. */
export function readYaml(name: string, text: string): Outcome<ConfigFile, readonly string[]> {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  if (documents.length === 0) return good({ value: {}, placeOf: () => at(0) });
  const problems = documents.flatMap((document) =>
    document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n', 1)[0]}`),
  );
  const second = documents[1];
  if (second !== undefined) problems.push(`${at(second.range[0])}: only one document is allowed`);
  const [document] = documents;
  if (problems.length > 0 || document === undefined) return bad(problems);
  const value = plainValue(document);
  if (!value.ok) return bad([`${at(0)}: ${value.error}`]);
  return good({
    value: value.value,
    placeOf: (path, of) => at(offsetOf(document, path, of)),
  });
}

/** Aliases may repeat settings, not multiply them: the library throws where they do, or name no anchor. */
function plainValue(document: Document): Outcome<unknown, string> {
  try {
    return good(document.toJS({ maxAliasCount: 16 }) ?? {});
  } catch (error) {
    if (error instanceof ReferenceError) return bad(error.message);
    throw error;
  }
}

function offsetOf(document: Document, path: readonly PropertyKey[], of: 'key' | 'value'): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    const key = keyOffset(document, path.slice(0, length));
    if (length === path.length && of === 'value' && isNode(node) && node.range) return node.range[0];
    if (key !== undefined) return key;
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.range?.[0] ?? 0;
}

function keyOffset(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1),
  );
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** Settings of the environment. A variable that looks like one and is none is a problem, not silence. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Outcome<readonly GivenSetting[], readonly string[]> {
  const byName = new Map(settingLeaves.map((leaf) => [environmentName(leaf.path), leaf]));
  const groups = [...new Set(settingLeaves.map(({ path }) => `${environmentName(path.slice(0, 1))}_`))];
  const given: GivenSetting[] = [];
  const problems: string[] = [];
  for (const [place, word] of Object.entries(environment)) {
    const leaf = byName.get(place);
    if (word === undefined) continue;
    if (leaf !== undefined && isWritable(leaf.node)) {
      given.push({ path: leaf.path, value: readWord(leaf.node, word), place });
    } else if (leaf !== undefined) {
      problems.push(`${place}: ${leaf.path.join('.')} can be set in the file only`);
    } else if (groups.some((group) => place.startsWith(group))) {
      const meant = nearest(place, [...byName.keys()]);
      problems.push(
        `${place}: there is no such setting${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      );
    }
  }
  return problems.length > 0 ? bad(problems) : good(given);
}

function isWritable(node: SchemaNode): boolean {
  return node.type !== 'array' || node.items?.type === 'string';
}

/** A word as YAML would have given it; what does not convert stays text and the schema names what it wanted. */
function readWord(node: SchemaNode, word: string): unknown {
  if (node.type === 'array') return word === '' ? [] : word.split(',').map((part) => part.trim());
  if (node.type === 'integer' && /^-?\d{1,15}$/.test(word)) return Number(word);
  if (node.type === 'boolean' && (word === 'true' || word === 'false')) return word === 'true';
  return word;
}

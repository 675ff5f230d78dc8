/**
 * An imported configuration, kept as it came: a skeleton that devices share and the text of the elements without
 * elements, each a slot. What is not changed stays byte for byte; a change replaces the text of one slot, or adds an
 * element before the end of its parent (src/files/read-document.ts finds the slots).
 */
import { encodeLatin1, encodeUtf8 } from '../../base/text.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { parseElementPath } from './override.ts';
import { escapeText, illegalCharacter, type RenderProblem } from './xml.ts';

export interface Slot {
  /** Below the root, `sipProfile/sipLines/line[2]/name`; [1] is left out. */
  readonly path: string;
  /** In characters of the template's text: between the tags, or of the `/>` of an empty element. */
  readonly start: number;
  readonly end: number;
}

export interface DocumentTemplate {
  /** SHA-256 over skeleton and encoding: equal for files that differ in slots only. */
  readonly id: string;
  /** The first file of its kind, whole. */
  readonly text: string;
  readonly encoding: 'utf-8' | 'iso-8859-1';
  readonly slots: readonly Slot[];
  /** Where an element can be added: parents by path, before their end tag. */
  readonly ends: Readonly<Record<string, number>>;
  /** Behind the XML declaration. */
  readonly head: number;
}

export interface DeviceDocument {
  readonly template: DocumentTemplate;
  /** Raw text of the slots in which this file differs from its template, by index. */
  readonly values: Readonly<Record<number, string>>;
}

export function rawSlot({ template, values }: DeviceDocument, index: number): string {
  const slot = template.slots[index];
  return values[index] ?? (slot === undefined ? '' : template.text.slice(slot.start, slot.end));
}

/** Raw text of the element at `path`, `undefined` when there is none or it has elements of its own. */
export function rawText(document: DeviceDocument, path: string): string | undefined {
  const index = document.template.slots.findIndex((slot) => slot.path === path);
  if (index === -1) return undefined;
  const raw = rawSlot(document, index);
  return raw === '/>' ? '' : raw;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The file with `changes` (path → text) made and `comment` before the root, or why a change cannot be made. */
export function fillDocument(
  document: DeviceDocument,
  changes: ReadonlyMap<string, string>,
  comment: string | undefined,
): Outcome<string, RenderProblem> {
  const { template } = document;
  const edits: Edit[] = [];
  const changed = new Set<number>();
  for (const [path, value] of changes) {
    const illegal = illegalCharacter(value);
    if (illegal !== undefined) return bad({ path, reason: `holds ${illegal}, which XML has no place for` });
    const index = template.slots.findIndex((slot) => slot.path === path);
    const edit = index === -1 ? addition(template, path, value) : replacement(template, index, value);
    if (typeof edit === 'string') return bad({ path, reason: edit });
    if (index !== -1) changed.add(index);
    edits.push(edit);
  }
  for (const [index, text] of Object.entries(document.values)) {
    const slot = template.slots[Number(index)];
    if (slot !== undefined && !changed.has(Number(index)))
      edits.push({ start: slot.start, end: slot.end, text });
  }
  if (comment !== undefined)
    edits.push({ start: template.head, end: template.head, text: `<!-- ${comment} -->` });
  return good(splice(template.text, edits));
}

export function encodeDocument({ encoding }: DocumentTemplate, text: string): Uint8Array {
  // Latin-1 has no place for more; as a reference it is the same character to a reader.
  return encoding === 'utf-8'
    ? encodeUtf8(text)
    : encodeLatin1(text.replace(/[^\u0000-\u00ff]/gu, (char) => `&#${char.codePointAt(0) ?? 0};`));
}

function replacement({ text, slots }: DocumentTemplate, index: number, value: string): Edit | string {
  const slot = slots[index];
  if (slot === undefined) return 'is not there';
  const { start, end } = slot;
  if (text.slice(start, end) !== '/>') return { start, end, text: escapeText(value) };
  return { start, end, text: `>${escapeText(value)}</${lastName(slot.path)}>` };
}

/** One element below a parent that is there; deeper ones would need a layout that the file does not show. */
function addition({ ends }: DocumentTemplate, path: string, value: string): Edit | string {
  if (parseElementPath(path) === undefined) return 'is not a path of elements';
  if (Object.hasOwn(ends, path)) return 'has elements of its own';
  const cut = path.lastIndexOf('/');
  const at = ends[cut === -1 ? '' : path.slice(0, cut)];
  if (at === undefined) return 'stands in an element that this file does not have';
  const name = lastName(path);
  return { start: at, end: at, text: `<${name}>${escapeText(value)}</${name}>` };
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\[\d+\]$/, '');
}

/** Edits never overlap; those at one place keep their order. */
function splice(text: string, edits: readonly Edit[]): string {
  const inOrder = [...edits].sort((a, b) => a.start - b.start);
  const parts: string[] = [];
  let at = 0;
  for (const edit of inOrder) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

/** What a file of the template's kind has that the template's own file has not. */
export function differences(template: DocumentTemplate, own: DocumentTemplate): DeviceDocument {
  const values: Record<number, string> = {};
  for (const [index, slot] of own.slots.entries()) {
    const raw = own.text.slice(slot.start, slot.end);
    const first = template.slots[index];
    if (first === undefined || raw !== template.text.slice(first.start, first.end)) values[index] = raw;
  }
  return { template, values };
}

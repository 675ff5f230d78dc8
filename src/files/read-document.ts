/**
 * Reads an existing `SEP<MAC>.cnf.xml` into skeleton and slots (core/render/document.ts) without losing a byte.
 * Phones' files use `xsi:` without declaring it, so namespaces are off.
 *
 * Refuses, each with one reason: more than `importedFileBytesMax`, bytes that are not of the declared encoding, a
 * doctype (and with it every external or nested entity), nesting beyond 64, whatever is not well-formed, a root that
 * is not `device`. Nothing of the file is ever fetched, included or expanded.
 */
import { SaxesParser } from 'saxes';
import { importedElementsMax, importedFileBytesMax, importedNestingMax } from '../base/limits.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import { decodeLatin1, decodeUtf8, encodeUtf8, printable, toHex } from '../base/text.ts';
import type { Crypto } from '../core/ports.ts';
import type { DocumentTemplate, Slot } from '../core/render/document.ts';

export function readDocument(
  bytes: Uint8Array,
  crypto: Pick<Crypto, 'digest'>,
): Outcome<DocumentTemplate, string> {
  if (bytes.length > importedFileBytesMax) return bad(`is larger than ${importedFileBytesMax} bytes`);
  const decoded = decode(bytes);
  if (!decoded.ok) return decoded;
  const { text, encoding } = decoded.value;
  try {
    const found = parse(text);
    const skeleton = skeletonOf(text, found.slots);
    const id = toHex(crypto.digest('sha256', encodeUtf8(`${encoding}\n${skeleton}`)));
    return good({ id, text, encoding, ...found });
  } catch (error) {
    if (error instanceof Refused) return bad(error.message);
    throw error;
  }
}

class Refused extends Error {}

function decode(
  bytes: Uint8Array,
): Outcome<{ readonly text: string; readonly encoding: DocumentTemplate['encoding'] }, string> {
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([\w.-]{1,40})["']/.exec(
    decodeLatin1(bytes.subarray(0, 200)),
  )?.[1];
  const name = (declared ?? 'utf-8').toLowerCase();
  if (name === 'iso-8859-1' || name === 'us-ascii')
    return good({ text: decodeLatin1(bytes), encoding: 'iso-8859-1' });
  if (name !== 'utf-8') return bad(`is in ${name}, which is neither UTF-8 nor ISO-8859-1`);
  const text = decodeUtf8(bytes);
  return text === undefined ? bad('is not UTF-8') : good({ text, encoding: 'utf-8' });
}

interface Open {
  readonly path: string;
  readonly contentAt: number;
  readonly counts: Map<string, number>;
  elements: number;
}

type Found = Pick<DocumentTemplate, 'slots' | 'ends' | 'head'>;

function parse(text: string): Found {
  const parser = new SaxesParser({ xmlns: false, position: true });
  const slots: Slot[] = [];
  const ends: Record<string, number> = {};
  const open: Open[] = [];
  let head = text.startsWith('\ufeff') ? 1 : 0;
  let elements = 0;

  parser.on('error', (error) => {
    throw new Refused(`is not well-formed: ${printable(error.message.slice(0, 120))}`);
  });
  parser.on('doctype', () => {
    throw new Refused('has a document type, which no phone file has');
  });
  parser.on('xmldecl', () => {
    head = parser.position;
  });
  parser.on('opentag', ({ name, isSelfClosing }) => {
    elements += 1;
    if (elements > importedElementsMax) throw new Refused(`has more than ${importedElementsMax} elements`);
    if (open.length >= importedNestingMax) throw new Refused(`nests deeper than ${importedNestingMax}`);
    const parent = open.at(-1);
    if (parent === undefined && name !== 'device')
      throw new Refused(`is no device configuration but <${printable(name.slice(0, 40))}>`);
    const path = pathOf(parent, name);
    if (parent) parent.elements += 1;
    if (isSelfClosing) slots.push({ path, start: parser.position - 2, end: parser.position });
    open.push({ path, contentAt: parser.position, counts: new Map(), elements: 0 });
  });
  parser.on('closetag', ({ isSelfClosing }) => {
    const closed = open.pop();
    if (closed === undefined || isSelfClosing) return;
    const end = text.lastIndexOf('</', parser.position - 1);
    if (closed.elements > 0 || open.length === 0) ends[closed.path] = end;
    // A comment in an element is nothing that a new text may replace.
    else if (!text.slice(closed.contentAt, end).includes('<!--'))
      slots.push({ path: closed.path, start: closed.contentAt, end });
  });
  parser.write(text).close();
  slots.sort((a, b) => a.start - b.start);
  return { slots, ends, head };
}

/** Below the root; the root's own path is empty. */
function pathOf(parent: Open | undefined, name: string): string {
  if (parent === undefined) return '';
  const count = (parent.counts.get(name) ?? 0) + 1;
  parent.counts.set(name, count);
  const step = count === 1 ? name : `${name}[${count}]`;
  return parent.path === '' ? step : `${parent.path}/${step}`;
}

/** The text with its slots emptied: what files of one kind share. */
function skeletonOf(text: string, slots: readonly Slot[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of slots) {
    parts.push(text.slice(at, start));
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join('\u0000');
}

/** One item of a signed file as lines of hex with its name and value at the side; long values are cut. */
import { headerTag, headerTags } from '../../src/wire/header-tags.ts';
import { tlvHeadBytes, type Item } from '../../src/wire/tlv.ts';

const rowBytes = 16;
/** A value of more rows than this is shown by its first and its last row. */
const rowsMax = 4;

export function annotateItem(bytes: Uint8Array, item: Item, value: string): readonly string[] {
  const { offset, length } = item;
  const name = `${'  '.repeat(item.depth)}${item.name}`;
  if (isPadding(item)) return [row(bytes, offset, offset + 1, name)];
  const end = offset + tlvHeadBytes + length;
  if (isContainer(item)) return [row(bytes, offset, offset + tlvHeadBytes, `${name}, ${length} bytes`)];
  if (end - offset <= rowBytes) return [row(bytes, offset, end, `${name} ${value}`)];

  const head = row(bytes, offset, offset + tlvHeadBytes, `${name}, ${length} bytes`);
  const starts: number[] = [];
  for (let at = offset + tlvHeadBytes; at < end; at += rowBytes) starts.push(at);
  const rows = starts.map((at) => row(bytes, at, Math.min(at + rowBytes, end), letters(bytes, at, end)));
  if (rows.length <= rowsMax) return [head, ...rows];
  return [head, rows[0] ?? '', `${' '.repeat(8)}…`, rows.at(-1) ?? ''];
}

function isContainer(item: Item): boolean {
  const rule = headerTags.get(item.tag);
  return rule?.name === item.name && rule.container === true;
}

function isPadding(item: Item): boolean {
  return item.tag === headerTag.padding && item.name === headerTags.get(headerTag.padding)?.name;
}

function row(bytes: Uint8Array, from: number, to: number, note: string): string {
  const hex = Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `${String(from).padStart(6)}  ${hex.padEnd(rowBytes * 3 - 1)}  ${note}`;
}

/** The row as text, a dot for what is not printable. */
function letters(bytes: Uint8Array, from: number, end: number): string {
  return Array.from(bytes.subarray(from, Math.min(from + rowBytes, end)), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
}

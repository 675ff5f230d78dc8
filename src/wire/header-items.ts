/**
 * Walks the items of a signed header, container by container, whatever their order (formats.md §1).
 * HEADER LENGTH may stand anywhere; from where it is read on, it bounds the header.
 */
import { readU16 } from '../base/bytes.ts';
import { headerPaddingBytesMax, signedHeaderBytesMax } from '../base/limits.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { malformed, type FormatCode, type FormatError } from './format-error.ts';
import { headerTag, headerTags, type HeaderTagRule } from './header-tags.ts';
import { readTlv, tlvHeadBytes, type Item, type Tlv } from './tlv.ts';

export interface HeaderItems {
  readonly headerLength: number;
  readonly paddingBytes: number;
  readonly items: readonly Item[];
  /** Every tag but PADDING stands at most once. */
  readonly byTag: ReadonlyMap<number, Item>;
}

export function readHeaderItems(bytes: Uint8Array): Outcome<HeaderItems, FormatError> {
  const first = headerTags.get(bytes[0] ?? 0);
  if (first === undefined || first.parent !== undefined) return malformed('not-signed', 0);
  const walk: Walk = { bytes, items: [], byTag: new Map() };
  let headerLength: number | undefined;
  let paddingBytes = 0;
  let at = 0;
  while (headerLength === undefined || at < headerLength) {
    if (at >= signedHeaderBytesMax) return malformed('header-too-long', at);
    if (at >= bytes.length) return malformed('header-cut', at);
    if (bytes[at] === headerTag.padding) {
      paddingBytes += 1;
      if (paddingBytes > headerPaddingBytesMax) return malformed('padding-too-long', at);
      walk.items.push(paddingItem(bytes, at));
      at += 1;
      continue;
    }
    const read = readTopItem(walk, at, headerLength);
    if (!read.ok) return read;
    at = read.value.offset + tlvHeadBytes + read.value.length;
    if (read.value.tag !== headerTag.headerLength) continue;
    const length = readHeaderLength(read.value, bytes.length, at);
    if (!length.ok) return length;
    headerLength = length.value;
  }
  return good({ headerLength, paddingBytes, items: walk.items, byTag: walk.byTag });
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly items: Item[];
  readonly byTag: Map<number, Item>;
}

function readTopItem(walk: Walk, at: number, headerLength: number | undefined): Outcome<Tlv, FormatError> {
  const { bytes } = walk;
  if (headerLength === undefined) return readItem(walk, at, bytes.length, undefined, 'header-cut');
  // An item of fixed length that says the right length cannot be the liar when it crosses the end.
  const fixed = headerTags.get(bytes[at] ?? 0)?.length;
  const said = readU16(bytes, at + 1);
  const itemIsRight = headerLength - at < tlvHeadBytes || said === fixed;
  return readItem(
    walk,
    at,
    headerLength,
    undefined,
    itemIsRight ? 'header-length-short' : 'tlv-past-container',
  );
}

/** Reads one item and, of a container, the items inside. */
function readItem(
  walk: Walk,
  at: number,
  end: number,
  parent: number | undefined,
  past: FormatCode,
  depth = 0,
): Outcome<Tlv, FormatError> {
  const tag = walk.bytes[at] ?? 0;
  const rule = headerTags.get(tag);
  if (rule === undefined) return malformed('unknown-header-tag', at, `tag ${tag}`);
  const read = readTlv(walk.bytes, at, end, past);
  if (!read.ok) return read;
  // A container that says too little leaves its items outside, one that says too much swallows others.
  if (rule.parent !== parent)
    return malformed('container-length-mismatch', at, `${rule.name} stands outside`);
  if (walk.byTag.has(tag)) return malformed(repeatedCode(tag), at, rule.name);
  const judged = judgeLength(read.value, rule);
  if (!judged.ok) return judged;
  // Written out: spreading the TLV made the whole walk six times slower.
  const { offset, length, value } = read.value;
  const item: Item = { tag, name: rule.name, offset, length, value, depth };
  walk.items.push(item);
  walk.byTag.set(tag, item);
  return rule.container ? readInside(walk, read.value, depth + 1) : read;
}

function readInside(walk: Walk, container: Tlv, depth: number): Outcome<Tlv, FormatError> {
  const end = container.offset + tlvHeadBytes + container.length;
  let at = container.offset + tlvHeadBytes;
  while (at < end) {
    const read = readItem(walk, at, end, container.tag, 'tlv-past-container', depth);
    if (!read.ok) return read;
    at = read.value.offset + tlvHeadBytes + read.value.length;
  }
  return good(container);
}

function judgeLength(tlv: Tlv, rule: HeaderTagRule): Outcome<undefined, FormatError> {
  if (rule.length === undefined || tlv.length === rule.length) return good(undefined);
  const code = tlv.tag === headerTag.timestamp ? 'timestamp-length' : 'item-length';
  return malformed(code, tlv.offset, `${rule.name}: ${tlv.length}, not ${rule.length}`);
}

function readHeaderLength(tlv: Tlv, fileBytes: number, at: number): Outcome<number, FormatError> {
  const length = readU16(tlv.value, 0);
  const offset = tlv.offset + tlvHeadBytes;
  if (length === 0) return malformed('header-length-zero', offset);
  if (length < at) return malformed('header-length-short', offset, `${length}, ${at} bytes are read`);
  if (length > signedHeaderBytesMax) return malformed('header-too-long', offset, `${length}`);
  if (length > fileBytes) return malformed('header-length-past-end', offset, `${length} of ${fileBytes}`);
  return good(length);
}

function repeatedCode(tag: number): FormatCode {
  switch (tag) {
    case headerTag.digestAlgorithm:
      return 'digest-repeated';
    case headerTag.signature:
      return 'signature-repeated';
    case headerTag.fileName:
      return 'file-name-repeated';
    case headerTag.timestamp:
      return 'timestamp-repeated';
    default:
      return 'item-repeated';
  }
}

/** PADDING is a bare byte without a length. */
function paddingItem(bytes: Uint8Array, at: number): Item {
  return {
    tag: headerTag.padding,
    name: 'PADDING',
    offset: at,
    length: 0,
    value: bytes.subarray(at + 1, at + 1),
    depth: 0,
  };
}

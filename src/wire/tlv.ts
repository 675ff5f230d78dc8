/**
 * Tag (1 byte), length (2 bytes, big-endian), value: the grain of every signed file (formats.md, head and §1).
 * Lengths are judged against what contains them before a value is touched. Refuses a cut item, an item
 * longer than its container, a text without its NUL or with one inside.
 */
import { ByteReader, type ByteWriter } from '../base/bytes.ts';
import { assert } from '../base/assert.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { decodeLatin1, decodeUtf8, encodeUtf8 } from '../base/text.ts';
import { malformed, type FormatCode, type FormatError } from './format-error.ts';

/** Tag and length before every value. */
export const tlvHeadBytes = 3;

/** One item where it stands in the file; `inspect` prints these. */
export interface Item {
  readonly tag: number;
  /** The name of the tag, as in the specification. */
  readonly name: string;
  /** Offset of the tag byte in the file. */
  readonly offset: number;
  /** The length field: bytes of the value; 0 for PADDING, which is a bare byte. */
  readonly length: number;
  /** A view of the file. */
  readonly value: Uint8Array;
  /** 0 for an item that stands in no container. */
  readonly depth: number;
}

export type Tlv = Pick<Item, 'tag' | 'offset' | 'length' | 'value'>;

/** Reads the item at `offset`, which must end at or before `end`; otherwise `past` is the code. */
export function readTlv(
  bytes: Uint8Array,
  offset: number,
  end: number,
  past: FormatCode = 'tlv-past-container',
): Outcome<Tlv, FormatError> {
  const reader = new ByteReader(bytes, offset, end);
  const left = reader.remaining;
  const tag = reader.u8();
  const length = reader.u16();
  if (tag === undefined || length === undefined)
    return malformed(past, offset, `${left} bytes left, tag and length need ${tlvHeadBytes}`);
  const value = reader.take(length);
  if (value === undefined)
    return malformed(past, offset, `tag ${tag} says ${length} bytes, ${reader.remaining} are left`);
  return good({ tag, offset, length, value });
}

/** The value as one big-endian number. Items that are numbers have at most 4 bytes; of longer ones it has no meaning. */
export function numberOf(item: Pick<Item, 'value'>): number {
  return item.value.reduce((sum, byte) => sum * 256 + byte, 0);
}

export interface TextCodes {
  readonly notTerminated: FormatCode;
  readonly nulInside: FormatCode;
}

const plainTextCodes: TextCodes = { notTerminated: 'text-not-terminated', nulInside: 'text-nul-inside' };

/**
 * The text of a value that ends with one NUL. Names in old certificates are not always UTF-8:
 * what is not is read as latin1, one character per byte.
 */
export function readText(item: Tlv, codes: TextCodes = plainTextCodes): Outcome<string, FormatError> {
  const body = textBytes(item, codes);
  return body.ok ? good(decodeUtf8(body.value) ?? decodeLatin1(body.value)) : body;
}

/** The bytes of a text without the NUL that ends it. */
export function textBytes(item: Tlv, codes: TextCodes = plainTextCodes): Outcome<Uint8Array, FormatError> {
  const { value, offset } = item;
  if (value.at(-1) !== 0) return malformed(codes.notTerminated, offset, `tag ${item.tag}`);
  const body = value.subarray(0, -1);
  const nul = body.indexOf(0);
  if (nul !== -1) return malformed(codes.nulInside, offset + tlvHeadBytes + nul, `tag ${item.tag}`);
  return good(body);
}

export function writeTlv(writer: ByteWriter, tag: number, value: Uint8Array): void {
  assert(value.length <= 0xffff, `value of tag ${tag} fits its length field`);
  writer.u8(tag).u16(value.length).raw(value);
}

export function writeU8(writer: ByteWriter, tag: number, value: number): void {
  writer.u8(tag).u16(1).u8(value);
}

export function writeU16(writer: ByteWriter, tag: number, value: number): void {
  writer.u8(tag).u16(2).u16(value);
}

/** A text with the NUL that ends it and that the length counts. */
export function writeText(writer: ByteWriter, tag: number, text: string): void {
  const body = encodeUtf8(text);
  assert(!body.includes(0), `text of tag ${tag} holds no NUL`);
  assert(body.length < 0xffff, `text of tag ${tag} fits its length field`);
  writer
    .u8(tag)
    .u16(body.length + 1)
    .raw(body)
    .u8(0);
}

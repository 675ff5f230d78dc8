/**
 * TFTP packets (RFC 1350, options RFC 2347): bytes to values and back.
 * Refused: anything whose length cannot be that of its opcode, requests over 512 bytes, fields without
 * their NUL, an option name without a value, bytes behind the last NUL, names that are not UTF-8.
 */
import { readU16 } from '../base/bytes.ts';
import { requestBytesMax } from '../base/limits.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import { decodeLatin1, decodeUtf8, encodeLatin1, encodeUtf8 } from '../base/text.ts';
import type { TftpOption } from './tftp-option.ts';

/** RFC 1350 §5, RFC 2347. */
export const opcode = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Opcode and block number of DATA, opcode and code of ERROR. */
export const headerBytes = 4;

export interface TftpRequest {
  readonly kind: 'rrq' | 'wrq';
  readonly name: string;
  /** Lower case: modes are case-insensitive (RFC 1350 §5). */
  readonly mode: string;
  readonly options: readonly TftpOption[];
}

export type TftpPacket =
  | TftpRequest
  | { readonly kind: 'data'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'oack'; readonly options: readonly TftpOption[] };

export type Malformed =
  | 'short' // under 4 bytes: no packet of RFC 1350 is that small
  | 'opcode' // not 1 to 6
  | 'length' // an ACK that is not 4 bytes, a request over 512
  | 'unterminated' // a field without its NUL, or bytes behind the last one
  | 'empty-name'
  | 'name-encoding'
  | 'option-pair'; // a name without a value, or an empty name

/** Judges opcode and length before anything is parsed; the opcode or what is wrong with the header. */
export function judgeHeader(bytes: Uint8Array): 1 | 2 | 3 | 4 | 5 | 6 | 'short' | 'opcode' | 'length' {
  const length = bytes.length;
  if (length < headerBytes) return 'short';
  if (bytes[0] !== 0) return 'opcode';
  switch (bytes[1]) {
    case 1:
      return length <= requestBytesMax ? 1 : 'length';
    case 2:
      return length <= requestBytesMax ? 2 : 'length';
    case 3:
      return 3;
    case 4:
      return length === headerBytes ? 4 : 'length';
    case 5:
      return 5;
    case 6:
      return length <= requestBytesMax ? 6 : 'length';
    default:
      return 'opcode';
  }
}

/** The block number of an ACK or DATA, the code of an ERROR; the header was judged before. */
export function blockOf(bytes: Uint8Array): number {
  return readU16(bytes, 2);
}

export function decodePacket(bytes: Uint8Array): Outcome<TftpPacket, Malformed> {
  const verdict = judgeHeader(bytes);
  switch (verdict) {
    case opcode.rrq:
    case opcode.wrq:
      return decodeRequest(bytes);
    case opcode.data:
      return good({ kind: 'data', block: blockOf(bytes), data: bytes.subarray(headerBytes) });
    case opcode.ack:
      return good({ kind: 'ack', block: blockOf(bytes) });
    case opcode.error:
      return good(decodeError(bytes));
    case opcode.oack: {
      const fields = splitFields(bytes, 2);
      if (!fields) return bad('unterminated');
      const options = pairOptions(fields, 0);
      return options ? good({ kind: 'oack', options }) : bad('option-pair');
    }
    default:
      return bad(verdict);
  }
}

/** An RRQ or WRQ whose header was judged. */
export function decodeRequest(bytes: Uint8Array): Outcome<TftpRequest, Malformed> {
  const fields = splitFields(bytes, 2);
  if (!fields || fields.length < 2) return bad('unterminated');
  const nameBytes = fields[0] ?? new Uint8Array(0);
  if (nameBytes.length === 0) return bad('empty-name');
  const name = decodeUtf8(nameBytes);
  if (name === undefined) return bad('name-encoding');
  const options = pairOptions(fields, 2);
  if (!options) return bad('option-pair');
  const mode = decodeLatin1(fields[1] ?? new Uint8Array(0)).toLowerCase();
  return good({ kind: bytes[1] === opcode.rrq ? 'rrq' : 'wrq', name, mode, options });
}

/** Longest error text that is kept of a peer's ERROR. */
const errorTextBytesMax = 256;

/** An ERROR is accepted without its final NUL: old senders forget it, and it is never answered anyway. */
function decodeError(bytes: Uint8Array): TftpPacket {
  const nul = bytes.indexOf(0, headerBytes);
  const end = Math.min(nul === -1 ? bytes.length : nul, headerBytes + errorTextBytesMax);
  return { kind: 'error', code: blockOf(bytes), text: decodeLatin1(bytes.subarray(headerBytes, end)) };
}

/** Every field ends with NUL and the last NUL is the last byte, else `undefined`. */
function splitFields(bytes: Uint8Array, start: number): Uint8Array[] | undefined {
  const fields: Uint8Array[] = [];
  let at = start;
  while (at < bytes.length) {
    const nul = bytes.indexOf(0, at);
    if (nul === -1) return undefined;
    fields.push(bytes.subarray(at, nul));
    at = nul + 1;
  }
  return fields;
}

function pairOptions(fields: readonly Uint8Array[], start: number): readonly TftpOption[] | undefined {
  if ((fields.length - start) % 2 !== 0) return undefined;
  const options: TftpOption[] = [];
  for (let i = start; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (!name || !value || name.length === 0) return undefined;
    options.push({ name: decodeLatin1(name), value: decodeLatin1(value) });
  }
  return options;
}

export function encodeRequest(request: TftpRequest): Uint8Array {
  const name = encodeUtf8(request.name);
  const mode = encodeLatin1(request.mode);
  const bytes = new Uint8Array(2 + name.length + 1 + mode.length + 1 + optionsLength(request.options));
  bytes[1] = opcode[request.kind];
  bytes.set(name, 2);
  bytes.set(mode, 2 + name.length + 1);
  writeOptions(bytes, 2 + name.length + 1 + mode.length + 1, request.options);
  return bytes;
}

export function encodeOack(options: readonly TftpOption[]): Uint8Array {
  const bytes = new Uint8Array(2 + optionsLength(options));
  bytes[1] = opcode.oack;
  writeOptions(bytes, 2, options);
  return bytes;
}

export function encodeAck(block: number): Uint8Array {
  return Uint8Array.of(0, opcode.ack, (block >>> 8) & 0xff, block & 0xff);
}

export function encodeError(error: { readonly code: number; readonly text: string }): Uint8Array {
  const text = encodeLatin1(error.text);
  const bytes = new Uint8Array(headerBytes + text.length + 1);
  bytes[1] = opcode.error;
  bytes[2] = (error.code >>> 8) & 0xff;
  bytes[3] = error.code & 0xff;
  bytes.set(text, headerBytes);
  return bytes;
}

/** Writes the four bytes in front of a block's data; the caller puts the data at `at + headerBytes`. */
export function writeDataHeader(target: Uint8Array, at: number, block: number): void {
  target[at] = 0;
  target[at + 1] = opcode.data;
  target[at + 2] = (block >>> 8) & 0xff;
  target[at + 3] = block & 0xff;
}

export function encodeData(block: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + data.length);
  writeDataHeader(bytes, 0, block);
  bytes.set(data, headerBytes);
  return bytes;
}

function optionsLength(options: readonly TftpOption[]): number {
  return options.reduce((sum, option) => sum + option.name.length + option.value.length + 2, 0);
}

function writeOptions(bytes: Uint8Array, start: number, options: readonly TftpOption[]): void {
  let at = start;
  for (const option of options) {
    for (const text of [option.name, option.value]) {
      bytes.set(encodeLatin1(text), at);
      at += text.length + 1;
    }
  }
}

/**
 * Strict, bounded reading of DER (X.690 §10), and the little writing we need of it: definite minimal lengths, low tag numbers, nothing after the end.
 * Refuses BER: indefinite lengths, padded lengths, padded integers. Every refusal is one DerError;
 * whoever offers a total function catches that and nothing else.
 */

import { concatBytes } from '../base/bytes.ts';

export class DerError extends Error {
  override readonly name = 'DerError';
}

export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  /** Context tags of RFC 5652 and RFC 7292: EXPLICIT [0], and IMPLICIT [0] of an OCTET STRING. */
  explicit0: 0xa0,
  implicit0: 0x80,
} as const;

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content: a view into the bytes that were read. */
  readonly whole: Uint8Array;
}

export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next element's tag; undefined at the end. */
  peekTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  any(): DerElement {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new DerError('high tag number');
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new DerError('length past the end');
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  expect(tag: number): DerElement {
    const element = this.any();
    if (element.tag !== tag) throw new DerError(`tag ${element.tag} where ${tag} belongs`);
    return element;
  }

  sequence(): DerReader {
    return new DerReader(this.expect(derTag.sequence).content);
  }

  /** Nothing may follow: a byte after the end is a second meaning for somebody else's parser. */
  end(): void {
    if (!this.done) throw new DerError('bytes after the end');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerError('cut short');
    this.#at++;
    return byte;
  }

  /** X.690 §10.1: the shortest form, at most four length bytes (more cannot be in memory). */
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError('indefinite or absurd length');
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('padded length');
    return length;
  }
}

/** X.690 §8.3.2: content bytes of an INTEGER, whose first nine bits are never all equal. */
export function integerContent(element: DerElement): Uint8Array {
  const [first, second] = element.content;
  if (first === undefined) throw new DerError('empty integer');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw new DerError('padded integer');
  return element.content;
}

/** Magnitude of a positive INTEGER, without the zero byte that DER adds for the sign. */
export function positiveInteger(element: DerElement): Uint8Array {
  const content = integerContent(element);
  if ((content[0] ?? 0) >= 0x80) throw new DerError('negative integer');
  return content[0] === 0 && content.length > 1 ? content.subarray(1) : content;
}

/** A non-negative INTEGER that a number holds exactly. */
export function smallInteger(element: DerElement): number {
  const value = positiveInteger(element).reduce((sum, byte) => sum * 256 + byte, 0);
  if (value > Number.MAX_SAFE_INTEGER) throw new DerError('absurd integer');
  return value;
}

/** Content of a BIT STRING that is whole bytes (keys and signatures are). */
export function wholeBytes(element: DerElement): Uint8Array {
  if (element.content[0] !== 0) throw new DerError('bit string with unused bits');
  return element.content.subarray(1);
}

/** `2.5.4.3` for the content of an OBJECT IDENTIFIER. */
export function objectIdentifier(element: DerElement): string {
  const arcs: number[] = [];
  let arc = 0;
  let fresh = true;
  for (const byte of element.content) {
    if (fresh && byte === 0x80) throw new DerError('padded object identifier');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) throw new DerError('absurd object identifier');
    fresh = byte < 0x80;
    if (!fresh) continue;
    if (arcs.length === 0) {
      const top = Math.min(2, Math.floor(arc / 40));
      arcs.push(top, arc - top * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  if (!fresh || arcs.length === 0) throw new DerError('cut object identifier');
  return arcs.join('.');
}

/** Seconds since the epoch of a UTCTime or GeneralizedTime in the one form of RFC 5280 §4.1.2.5: seconds, `Z`. */
export function timeSeconds(element: DerElement): number {
  const text = String.fromCharCode(...element.content);
  const utc = element.tag === derTag.utcTime;
  if (!utc && element.tag !== derTag.generalizedTime) throw new DerError('not a time');
  const match = (utc ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : generalized).exec(text);
  if (!match) throw new DerError('time in another form');
  const [yearDigits = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const year = utc ? yearDigits + (yearDigits < 50 ? 2000 : 1900) : yearDigits;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date.UTC carries over (February 30 becomes March 1): a date that reads back differently does not exist.
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59) throw new DerError('no such time');
  return date.getTime() / 1000;
}

const generalized = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** One element around its parts. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const { length } = content;
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), content);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return concatBytes(Uint8Array.of(tag, 0x80 | bytes.length, ...bytes), content);
}

/** A non-negative INTEGER. */
export function encodeInteger(value: number): Uint8Array {
  const bytes = [value % 256];
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return encodeDer(derTag.integer, Uint8Array.from(bytes));
}

/** X.690 §11.6: the elements of a SET OF stand in the order of their encodings. */
export function encodeSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeDer(derTag.set, ...elements.toSorted((a, b) => Buffer.compare(a, b)));
}

export function encodeObjectIdentifier(dotted: string): Uint8Array {
  const [top = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const bytes = [top * 40 + second, ...others].flatMap((arc) => {
    const digits = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
      digits.unshift(0x80 | (rest % 128));
    return digits;
  });
  return encodeDer(derTag.objectIdentifier, Uint8Array.from(bytes));
}

/**
 * The elements of a TVS message (formats.md §4): tag (1 byte), length (2 bytes), value, each at most once and in any
 * order. Refused, each with its own code: an element that is cut, unknown, repeated, missing, misplaced in this
 * command, or of a length it cannot have. Whether somebody vouches is not asked here.
 */
import { bad, good, type Outcome } from '../base/outcome.ts';
import { certificateBytesMax } from '../base/limits.ts';
import { tvsNameBytesMax, tvsRolesMax, tvsSerialBytesMax } from '../base/limits-tvs.ts';
import { numberOf, readText, readTlv, tlvHeadBytes, type Tlv } from './tlv.ts';
import type { FormatError } from './format-error.ts';
import { roleOfCode, type Role } from './role.ts';

/** Each rule of the bytes of a TVS message and the sentence that explains it. */
export const tvsRules = {
  'frame-cut': 'the message ends inside its head',
  'not-a-frame': 'the message does not begin with 0x57',
  'frame-version': 'the version of the frame is not 1',
  'frame-command': 'the command is none of 1 to 4',
  'frame-length': 'the length of the body is not the bytes that follow the head',
  'frame-too-long': 'the message is longer than any certificate makes it',
  'element-cut': 'an element is longer than what is left of the message',
  'element-unknown': 'the message holds an element that the format does not know',
  'element-repeated': 'an element stands twice',
  'element-missing': 'an element that this command needs is missing',
  'element-misplaced': 'an element does not belong to this command',
  'element-length': 'an element has a length that it cannot have',
  'element-text': 'a text does not end with its only NUL',
  'device-kind': 'the device name does not begin with byte 1',
  'status-unknown': 'the status is neither 0 (valid) nor 1 (not)',
  'role-unknown': 'the answer holds a role that the format does not know',
} as const;

export type TvsCode = keyof typeof tvsRules;

export interface TvsError {
  readonly code: TvsCode;
  /** Offset in the message of the byte that lies, or of the element it belongs to. */
  readonly offset: number;
  /** One sentence; holds no text from the message. */
  readonly message: string;
}

export function wrong(code: TvsCode, offset: number): { readonly ok: false; readonly error: TvsError } {
  return bad({ code, offset, message: `at byte ${offset}: ${tvsRules[code]}` });
}

export const tvsTag = {
  deviceName: 1,
  certificate: 2,
  subject: 3,
  issuer: 4,
  serial: 5,
  status: 7,
  roles: 8,
  ttl: 9,
} as const;

export type TvsElementName = keyof typeof tvsTag;

const nameByTag = new Map(
  (Object.keys(tvsTag) as readonly TvsElementName[]).map((name) => [tvsTag[name] as number, name]),
);

/** Least and most bytes of a value. */
const lengths: Readonly<Record<TvsElementName, readonly [min: number, max: number]>> = {
  deviceName: [1, tvsNameBytesMax],
  certificate: [1, certificateBytesMax],
  subject: [1, tvsNameBytesMax],
  issuer: [1, tvsNameBytesMax],
  serial: [1, tvsSerialBytesMax],
  status: [1, 1],
  roles: [0, tvsRolesMax],
  ttl: [4, 4],
};

export interface TvsElements {
  /** Offset of the first byte after the elements. */
  readonly end: number;
  readonly byName: ReadonlyMap<TvsElementName, Tlv>;
}

/** Every element from `start` to the end of `bytes`. */
export function readElements(bytes: Uint8Array, start: number): Outcome<TvsElements, TvsError> {
  const byName = new Map<TvsElementName, Tlv>();
  let at = start;
  while (at < bytes.length) {
    const element = readTlv(bytes, at, bytes.length);
    if (!element.ok) return wrong('element-cut', at);
    const { tag, length } = element.value;
    const name = nameByTag.get(tag);
    if (name === undefined) return wrong('element-unknown', at);
    if (byName.has(name)) return wrong('element-repeated', at);
    const [min, max] = lengths[name];
    if (length < min || length > max) return wrong('element-length', at);
    byName.set(name, element.value);
    at += tlvHeadBytes + length;
  }
  return good({ end: at, byName });
}

/** Are these the elements of one command: all that are `needed`, and no others but those it `mayHave`? */
export function checkElements(
  { byName, end }: TvsElements,
  needed: readonly TvsElementName[],
  mayHave: readonly TvsElementName[] = [],
): TvsError | undefined {
  for (const [name, { offset }] of byName)
    if (!needed.includes(name) && !mayHave.includes(name)) return wrong('element-misplaced', offset).error;
  return needed.every((name) => byName.has(name)) ? undefined : wrong('element-missing', end).error;
}

/** A name of a certificate. */
export function textOf(element: Tlv): Outcome<string, TvsError> {
  return judged(readText(element));
}

/** Byte 1 and the name without a NUL: `CP-8861-SEPB000B4BA0AEE`. What another first byte means is not public. */
export function deviceNameOf({ value, offset }: Tlv): Outcome<string, TvsError> {
  if (value[0] !== deviceKind) return wrong('device-kind', offset);
  const name = value.subarray(1);
  // A name is shown and counted: printable ASCII, as the grammar of device names has it.
  if (!name.every((byte) => byte >= 0x20 && byte < 0x7f)) return wrong('element-text', offset);
  return good(String.fromCharCode(...name));
}

export const deviceKind = 1;

export function isValidOf(element: Tlv): Outcome<boolean, TvsError> {
  const status = numberOf(element);
  return status > 1 ? wrong('status-unknown', element.offset) : good(status === 0);
}

/** One byte each; an empty element vouches for nothing. */
export function rolesOf({ value, offset }: Tlv): Outcome<readonly Role[], TvsError> {
  const roles = Array.from(value, roleOfCode);
  const known = roles.filter((role) => role !== undefined);
  return known.length === roles.length ? good(known) : wrong('role-unknown', offset);
}

function judged<T>(read: Outcome<T, FormatError>): Outcome<T, TvsError> {
  return read.ok ? read : wrong('element-text', read.error.offset);
}

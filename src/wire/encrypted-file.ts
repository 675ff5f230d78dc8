/**
 * An encrypted configuration, `.enc.sgn` (formats.md §2): a header of version 2 and the AES-128-CBC ciphertext.
 * Encrypting and decrypting are pki's; here are the bytes.
 */
import { assert } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { good, type Outcome } from '../base/outcome.ts';
import type { Encryption } from './encryption-items.ts';
import { malformed, type FormatError } from './format-error.ts';
import { decodeSignedHeader, type SignedHeader } from './signed-header.ts';

export type { Encryption } from './encryption-items.ts';

export const encryptedVersion = { major: 2, minor: 0 } as const;

/** AES. */
export const blockBytes = 16;

/** The byte that fills the last block, 1 to 16 times. */
const fillByte = 0x0d;

export interface EncryptedFile {
  readonly header: SignedHeader;
  readonly encryption: Encryption;
  readonly ciphertext: Uint8Array;
}

export function decodeEncryptedFile(bytes: Uint8Array): Outcome<EncryptedFile, FormatError> {
  const header = decodeSignedHeader(bytes);
  if (!header.ok) return header;
  const { encryption, headerLength } = header.value;
  if (encryption === undefined) return malformed('not-encrypted', 0);
  return good({ header: header.value, encryption, ciphertext: bytes.subarray(headerLength) });
}

/** Fills `plain` to a whole block; a full last block gets another. */
export function fillBlock(plain: Uint8Array): {
  readonly filled: Uint8Array;
  readonly paddingLength: number;
} {
  const paddingLength = blockBytes - (plain.length % blockBytes);
  return { filled: concatBytes(plain, new Uint8Array(paddingLength).fill(fillByte)), paddingLength };
}

/** Takes the fill off decrypted content; undefined when the length or a fill byte is wrong. */
export function unfillBlock(filled: Uint8Array, paddingLength: number): Uint8Array | undefined {
  if (paddingLength < 1 || paddingLength > blockBytes || paddingLength > filled.length) return undefined;
  const end = filled.length - paddingLength;
  assert(end >= 0, 'the fill is part of the content');
  return filled.subarray(end).every((byte) => byte === fillByte) ? filled.subarray(0, end) : undefined;
}

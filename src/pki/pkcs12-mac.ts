/**
 * The MAC of PKCS#12 in password integrity mode (RFC 7292 §5.1): HMAC under a key derived as appendix B.2 says, with
 * the identifier 3. Derived here on node:crypto: pkijs takes a turn of the event loop for each round.
 */
import { concatBytes } from '../base/bytes.ts';
import { createHmac, hash as digest } from './vendor.ts';

/** Hash names as node:crypto writes them. */
export const macHashes = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

export interface MacQuestion {
  readonly hash: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly passphrase: string;
}

/** Appendix B.3: what the derived bytes are for. */
const macKeyId = 3;

export function macPkcs12(content: Uint8Array, { hash, ...question }: MacQuestion): Uint8Array {
  const key = deriveMacKey(hash, question);
  const mac = createHmac(hash, key).update(content).digest();
  key.fill(0);
  return Uint8Array.from(mac);
}

/** B.2 for as many bytes as one hash gives: there is one block, so nothing is added back. */
function deriveMacKey(hash: string, { salt, iterations, passphrase }: Omit<MacQuestion, 'hash'>): Buffer {
  const blockBytes = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const diversifier = new Uint8Array(blockBytes).fill(macKeyId);
  const input = [salt, bmpString(passphrase)].map((part) => repeated(part, blockBytes));
  // In one call: an object for each round costs as much again as what it hashes.
  let block = digest(hash, concatBytes(diversifier, ...input), 'buffer');
  for (let round = 1; round < iterations; round++) block = digest(hash, block, 'buffer');
  return block;
}

/** B.1: big-endian UTF-16 with two zero bytes at its end. */
function bmpString(text: string): Uint8Array {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return Uint8Array.from([...units, 0].flatMap((unit) => [unit >> 8, unit & 0xff]));
}

/** Copies of `part` that fill whole blocks; nothing stays nothing. */
function repeated(part: Uint8Array, blockBytes: number): Uint8Array {
  const length = Math.ceil(part.length / blockBytes) * blockBytes;
  return Uint8Array.from({ length }, (_, at) => part[at % part.length] ?? 0);
}

/**
 * Why a signature that did not verify does not: the number inside it (RFC 8017 §5.2.2, §9.2) is opened with the
 * public key and looked at. It tells a file that was changed after signing from one that another key signed, which
 * is what an administrator needs to know first. It never accepts: its answer is always a reject code.
 */
import type { HashName } from '../../wire/algorithm.ts';
import type { RejectCode } from './verdict.ts';

type SignatureCode = Extract<RejectCode, `signature-${string}`>;

/** `pkcs1` is the RSAPublicKey DER of a key whose length equals the signature's. */
export function explainSignature(pkcs1: Uint8Array, hash: HashName, signature: Uint8Array): SignatureCode {
  const key = readRsaPublicKey(pkcs1);
  const number = toNumber(signature);
  if (number === 0n) return 'signature-zero';
  if (key === undefined) return 'signature-not-by-key';
  if (number >= key.modulus) return 'signature-out-of-range';
  if (key.exponent > exponentMax) return 'signature-not-by-key';
  const block = power(number, key.exponent, key.modulus)
    .toString(16)
    .padStart(signature.length * 2, '0');
  if (!block.startsWith('0001ff')) return 'signature-not-by-key';
  const named = digestInfos.find(({ prefix, bytes }) => block === expectedBlock(block, prefix, bytes));
  if (named === undefined) return 'signature-padding';
  return named.hash === hash ? 'signature-content' : 'signature-hash-differs';
}

/** 65537 is in use everywhere; a hostile certificate's huge exponent would cost seconds and teach nothing. */
const exponentMax = 0xffff_ffffn;

/** DigestInfo up to the digest, RFC 8017 §9.2 note 1. */
const digestInfos: readonly { hash: HashName | 'sha256'; prefix: string; bytes: number }[] = [
  { hash: 'sha1', prefix: '3021300906052b0e03021a05000414', bytes: 20 },
  { hash: 'sha256', prefix: '3031300d060960864801650304020105000420', bytes: 32 },
  { hash: 'sha512', prefix: '3051300d060960864801650304020305000440', bytes: 64 },
];

/** The one legal block that ends with this block's digest. */
function expectedBlock(block: string, prefix: string, digestBytes: number): string {
  const digest = block.slice(-digestBytes * 2);
  const fill = block.length - '0001'.length - '00'.length - prefix.length - digest.length;
  return `0001${'f'.repeat(Math.max(fill, 0))}00${prefix}${digest}`;
}

interface RsaPublicKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
}

/** SEQUENCE { INTEGER, INTEGER }, from a certificate that the Crypto port has read (RFC 8017 §A.1.1). */
function readRsaPublicKey(pkcs1: Uint8Array): RsaPublicKey | undefined {
  const sequence = readElement(pkcs1, 0, 0x30);
  if (sequence === undefined) return undefined;
  const modulus = readElement(pkcs1, sequence.start, 0x02);
  const exponent = modulus && readElement(pkcs1, modulus.end, 0x02);
  if (modulus === undefined || exponent === undefined) return undefined;
  return {
    modulus: toNumber(pkcs1.subarray(modulus.start, modulus.end)),
    exponent: toNumber(pkcs1.subarray(exponent.start, exponent.end)),
  };
}

function readElement(der: Uint8Array, at: number, tag: number): { start: number; end: number } | undefined {
  const first = der[at + 1];
  if (der[at] !== tag || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : Number(toNumber(der.subarray(at + 2, start)));
  return start + length <= der.length ? { start, end: start + length } : undefined;
}

function toNumber(bytes: Uint8Array): bigint {
  let hex = '0x0';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(hex);
}

/** Square and multiply; public values only, so time tells nothing. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

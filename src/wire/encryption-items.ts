/**
 * The items 16 to 27 of an encrypted configuration's header (formats.md §2): how the content was encrypted, its key
 * wrapped for the phone, and the digest of the plain content. Refuses a header of version 2 without them and one of
 * version 1 with them.
 */
import { ByteWriter, readU16 } from '../base/bytes.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { malformed, type FormatError } from './format-error.ts';
import { headerTag, headerTags } from './header-tags.ts';
import type { HeaderItems } from './header-items.ts';
import { writeTlv, writeU16, writeU8 } from './tlv.ts';

export interface Encryption {
  /** 16 bytes, AES-128-CBC. */
  readonly iv: Uint8Array;
  /** Bytes of 0x0d at the end of the decrypted content: 1 to 16. */
  readonly paddingLength: number;
  /** Bits of the phone's RSA key that wraps the content key. */
  readonly keyBits: number;
  /** The content key, RSA PKCS#1 v1.5 to the phone's public key. */
  readonly wrappedKey: Uint8Array;
  /** Code of the hash of `contentDigest` (wire/algorithm.ts). */
  readonly contentDigestCode: number;
  /** Digest of the plain content. */
  readonly contentDigest: Uint8Array;
}

/** Values that every known file holds; their meaning is not public. */
const ivAlgorithmCode = 0;
const keyAlgorithmCode = 0;
const keyEncodingCode = 1;

const encryptionTags = [
  headerTag.encryptionInfo,
  headerTag.ivInfo,
  headerTag.iv,
  headerTag.paddingLength,
  headerTag.keyInfo,
  headerTag.keyBits,
  headerTag.contentKey,
  headerTag.contentDigestAlgorithm,
  headerTag.contentDigest,
];

export function readEncryption(
  walk: HeaderItems,
  expected: boolean,
): Outcome<Encryption | undefined, FormatError> {
  const [first] = encryptionTags.map((tag) => walk.byTag.get(tag)).filter((found) => found !== undefined);
  if (!expected)
    return first === undefined ? good(undefined) : malformed('encryption-unexpected', first.offset);
  const missing = encryptionTags.find((tag) => !walk.byTag.has(tag));
  if (missing !== undefined)
    return malformed('encryption-missing', walk.headerLength, headerTags.get(missing)?.name ?? '');
  const value = (tag: number): Uint8Array => walk.byTag.get(tag)?.value ?? new Uint8Array();
  const u16 = (tag: number): number => readU16(value(tag), 0);
  return good({
    iv: value(headerTag.iv),
    paddingLength: u16(headerTag.paddingLength),
    keyBits: u16(headerTag.keyBits),
    wrappedKey: value(headerTag.contentKey),
    contentDigestCode: value(headerTag.contentDigestAlgorithm)[0] ?? 0,
    contentDigest: value(headerTag.contentDigest),
  });
}

export function encodeEncryption(writer: ByteWriter, encryption: Encryption): void {
  const iv = new ByteWriter();
  writeU8(iv, headerTag.ivAlgorithm, ivAlgorithmCode);
  writeTlv(iv, headerTag.iv, encryption.iv);
  writeU16(iv, headerTag.paddingLength, encryption.paddingLength);
  const key = new ByteWriter();
  writeU8(key, headerTag.keyAlgorithm, keyAlgorithmCode);
  writeU16(key, headerTag.keyBits, encryption.keyBits);
  writeU8(key, headerTag.keyEncoding, keyEncodingCode);
  writeTlv(key, headerTag.contentKey, encryption.wrappedKey);
  const info = new ByteWriter();
  writeTlv(info, headerTag.ivInfo, iv.bytes());
  writeTlv(info, headerTag.keyInfo, key.bytes());
  writeTlv(writer, headerTag.encryptionInfo, info.bytes());
  writeU8(writer, headerTag.contentDigestAlgorithm, encryption.contentDigestCode);
  writeTlv(writer, headerTag.contentDigest, encryption.contentDigest);
}

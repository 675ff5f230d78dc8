/**
 * The signed header of .sgn, .enc.sgn, ITL, CTL and firmware manifests (formats.md §1, docs/formats/signed-file.md).
 *
 * Reading: items in any order, every writer's; each length is judged against its container. Refused: a header
 * longer than 16 KiB, an item twice, an unknown tag or version, a container that is not the total of its items.
 * Whether the signer is to be believed is not asked here.
 * Writing: one order, CUCM's (1, 2, [28], 3{4,5,6}, 7{8,9{10,11}}, 12, 14, 15, [16–27], padding), in two parts
 * around the SIGNATURE item, because a signature is made asynchronously over everything but itself.
 */
import { assert } from '../base/assert.ts';
import { ByteWriter, concatBytes } from '../base/bytes.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { decodeUtf8 } from '../base/text.ts';
import { encodeEncryption, readEncryption, type Encryption } from './encryption-items.ts';
import { malformed, type FormatCode, type FormatError } from './format-error.ts';
import { headerTag, headerTags } from './header-tags.ts';
import { readHeaderItems, type HeaderItems } from './header-items.ts';
import { numberOf, readText, textBytes, writeText, writeTlv, writeU16, writeU8, type Item } from './tlv.ts';

export type HeaderItem = Item;

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Told by the version, since an extension tells nothing: firmware is `.sgn` too. */
export type SignedKind = 'signed-file' | 'firmware' | 'trust-list' | 'encrypted-file';

export interface HeaderSigner {
  /** Subject of the signer's certificate; writers differ in order and separator, so never match by it. */
  readonly name: string;
  readonly serial: Uint8Array;
  readonly issuer: string;
}

export interface SignedHeader {
  readonly kind: SignedKind;
  readonly version: Version;
  /** Offset of the first byte of the content. */
  readonly headerLength: number;
  /** Tag 28; absent from a CUCM CTL. 1.1 tells a phone to fetch its configuration by HTTPS on 6971. */
  readonly signerVersion: Version | undefined;
  readonly signer: HeaderSigner;
  /** Tags 8, 10 and 11 as they stand; wire/algorithm.ts knows what they mean. */
  readonly digestCode: number;
  readonly signatureAlgorithmCode: number;
  readonly modulusCode: number;
  readonly signature: Uint8Array;
  /** The whole SIGNATURE item: offset of its tag and of the first byte after its value. */
  readonly signatureItem: { readonly start: number; readonly end: number };
  /** The name the content was signed as, without the NUL. */
  readonly fileName: string | undefined;
  /** Seconds since the epoch; firmware has none. */
  readonly timestamp: number | undefined;
  readonly paddingBytes: number;
  /** Tags 16 to 27, of an encrypted file only. */
  readonly encryption: Encryption | undefined;
  /** Every item in the order of the file, containers before what they contain. */
  readonly items: readonly HeaderItem[];
}

/** A cheap test, on the first bytes alone, that a file already carries the signed header. */
export function looksSigned(bytes: Uint8Array): boolean {
  const [tag, high, low, major, , next] = bytes;
  return (
    tag === headerTag.version &&
    high === 0 &&
    low === 2 &&
    (major === 1 || major === 2) &&
    next !== undefined &&
    headerTags.get(next)?.parent === undefined &&
    headerTags.has(next)
  );
}

/**
 * Reads the header at the start of `bytes`. `bytes` may be a prefix of the file as long as it holds the header
 * (16 KiB always do). Total: any bytes give a header or an error, never an exception.
 */
export function decodeSignedHeader(bytes: Uint8Array): Outcome<SignedHeader, FormatError> {
  const walked = readHeaderItems(bytes);
  if (!walked.ok) return walked;
  const walk = walked.value;
  const missing = requiredTags.find((tag) => !walk.byTag.has(tag));
  if (missing !== undefined)
    return malformed('item-missing', walk.headerLength, headerTags.get(missing)?.name ?? '');

  const version = versionOf(item(walk, headerTag.version));
  const kind = kindOf(version, bytes.subarray(walk.headerLength));
  if (kind === undefined)
    return malformed('unknown-version', item(walk, headerTag.version).offset, versionText(version));
  const encryption = readEncryption(walk, kind === 'encrypted-file');
  if (!encryption.ok) return encryption;
  const name = readText(item(walk, headerTag.signerName));
  if (!name.ok) return name;
  const issuer = readText(item(walk, headerTag.issuerName));
  if (!issuer.ok) return issuer;
  const fileName = readFileName(walk.byTag.get(headerTag.fileName));
  if (!fileName.ok) return fileName;

  const signature = item(walk, headerTag.signature);
  const signerVersion = walk.byTag.get(headerTag.signerVersion);
  const timestamp = walk.byTag.get(headerTag.timestamp);
  return good({
    kind,
    version,
    headerLength: walk.headerLength,
    signerVersion: signerVersion && versionOf(signerVersion),
    signer: { name: name.value, serial: item(walk, headerTag.serialNumber).value, issuer: issuer.value },
    digestCode: numberOf(item(walk, headerTag.digestAlgorithm)),
    signatureAlgorithmCode: numberOf(item(walk, headerTag.signatureAlgorithm)),
    modulusCode: numberOf(item(walk, headerTag.signatureModulus)),
    signature: signature.value,
    signatureItem: { start: signature.offset, end: signature.offset + 3 + signature.length },
    fileName: fileName.value,
    timestamp: timestamp && numberOf(timestamp),
    paddingBytes: walk.paddingBytes,
    encryption: encryption.value,
    items: walk.items,
  });
}

/**
 * What the signature is over: the whole file without the SIGNATURE item, padding kept (formats.md §1). Views, not
 * copies; with a prefix that ends at the header's end the content is to be appended.
 */
export function toBeSigned(bytes: Uint8Array, header: SignedHeader): readonly Uint8Array[] {
  return [bytes.subarray(0, header.signatureItem.start), bytes.subarray(header.signatureItem.end)];
}

export interface HeaderFields {
  readonly version: Version;
  readonly signerVersion?: Version | undefined;
  readonly signer: HeaderSigner;
  readonly digestCode: number;
  readonly signatureAlgorithmCode: number;
  readonly modulusCode: number;
  /** Length of the signature that will be placed: the signer's modulus in bytes. */
  readonly signatureBytes: number;
  readonly fileName: string;
  /** Absent in firmware manifests only. */
  readonly timestamp: number | undefined;
  readonly encryption?: Encryption | undefined;
}

/** A header with a hole where the SIGNATURE item goes. To be signed: `before`, `after`, content. */
export interface HeaderLayout {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly signatureBytes: number;
  /** Of the finished header, a multiple of 4. */
  readonly headerLength: number;
}

/** Lays out a header in CUCM's order. The fields are the program's own: a text with NUL is a bug. */
export function layoutSignedHeader(fields: HeaderFields): HeaderLayout {
  const front = signatureFront(fields);
  const rear = signatureRear(fields);
  const unpadded = 10 + front.length + 3 + fields.signatureBytes + rear.length;
  const headerLength = Math.ceil(unpadded / 4) * 4;
  assert(headerLength <= 0xffff, 'the header fits HEADER LENGTH');
  const head = new ByteWriter();
  writeTlv(head, headerTag.version, versionBytes(fields.version));
  writeU16(head, headerTag.headerLength, headerLength);
  const padding = new Uint8Array(headerLength - unpadded).fill(headerTag.padding);
  return {
    before: concatBytes(head.bytes(), front),
    after: concatBytes(rear, padding),
    signatureBytes: fields.signatureBytes,
    headerLength,
  };
}

/** The finished header. */
export function placeSignature(layout: HeaderLayout, signature: Uint8Array): Uint8Array {
  assert(signature.length === layout.signatureBytes, 'the signature has the length that was laid out');
  const writer = new ByteWriter().raw(layout.before);
  writeTlv(writer, headerTag.signature, signature);
  const header = writer.raw(layout.after).bytes();
  assert(header.length === layout.headerLength, 'HEADER LENGTH is the length of the header');
  return header;
}

/** The finished header for a signature that exists already. */
export function encodeSignedHeader(
  fields: Omit<HeaderFields, 'signatureBytes'>,
  signature: Uint8Array,
): Uint8Array {
  return placeSignature(layoutSignedHeader({ ...fields, signatureBytes: signature.length }), signature);
}

export function versionText(version: Version): string {
  return `${version.major}.${version.minor}`;
}

const requiredTags = [
  headerTag.version,
  headerTag.signerInfo,
  headerTag.signerName,
  headerTag.serialNumber,
  headerTag.issuerName,
  headerTag.signatureInfo,
  headerTag.digestAlgorithm,
  headerTag.signatureAlgorithmInfo,
  headerTag.signatureAlgorithm,
  headerTag.signatureModulus,
  headerTag.signature,
];

/** The item of a required tag; its presence was checked. */
function item(walk: HeaderItems, tag: number): HeaderItem {
  const found = walk.byTag.get(tag);
  assert(found !== undefined, `required tag ${tag} was checked`);
  return found;
}

/**
 * Phones tolerate newer minor versions (formats.md §1); of those a list is told by what follows,
 * which begins with RECORD LENGTH.
 */
function kindOf(version: Version, content: Uint8Array): SignedKind | undefined {
  if (version.major === 2) return 'encrypted-file';
  if (version.major !== 1) return undefined;
  if (version.minor === 0) return 'signed-file';
  if (version.minor === 1) return 'firmware';
  if (version.minor === 2) return 'trust-list';
  return content[0] === 1 && content[1] === 0 && content[2] === 2 ? 'trust-list' : 'signed-file';
}

function readFileName(found: HeaderItem | undefined): Outcome<string | undefined, FormatError> {
  if (found === undefined) return good(undefined);
  const body = textBytes(found, fileNameCodes);
  if (!body.ok) return body;
  const name = decodeUtf8(body.value);
  return name === undefined ? malformed('file-name-encoding', found.offset) : good(name);
}

const fileNameCodes = {
  notTerminated: 'file-name-not-terminated',
  nulInside: 'file-name-nul-inside',
} as const satisfies Record<string, FormatCode>;

function versionOf(found: HeaderItem): Version {
  return { major: found.value[0] ?? 0, minor: found.value[1] ?? 0 };
}

function versionBytes(version: Version): Uint8Array {
  return Uint8Array.of(version.major, version.minor);
}

/** [28], 3{4,5,6}, 7{8,9{10,11}}: what stands between HEADER LENGTH and SIGNATURE. */
function signatureFront(fields: HeaderFields): Uint8Array {
  const signer = new ByteWriter();
  writeText(signer, headerTag.signerName, fields.signer.name);
  writeTlv(signer, headerTag.serialNumber, fields.signer.serial);
  writeText(signer, headerTag.issuerName, fields.signer.issuer);
  const algorithm = new ByteWriter();
  writeU8(algorithm, headerTag.signatureAlgorithm, fields.signatureAlgorithmCode);
  writeU8(algorithm, headerTag.signatureModulus, fields.modulusCode);
  const signature = new ByteWriter();
  writeU8(signature, headerTag.digestAlgorithm, fields.digestCode);
  writeTlv(signature, headerTag.signatureAlgorithmInfo, algorithm.bytes());

  const writer = new ByteWriter();
  if (fields.signerVersion !== undefined)
    writeTlv(writer, headerTag.signerVersion, versionBytes(fields.signerVersion));
  writeTlv(writer, headerTag.signerInfo, signer.bytes());
  writeTlv(writer, headerTag.signatureInfo, signature.bytes());
  return writer.bytes();
}

/** 14, 15, [16–27]: what stands between SIGNATURE and padding. */
function signatureRear(fields: HeaderFields): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, headerTag.fileName, fields.fileName);
  if (fields.timestamp !== undefined) {
    assert(fields.timestamp >= 0 && fields.timestamp <= 0xffff_ffff, 'TIMESTAMP fits 32 bits');
    writeTlv(writer, headerTag.timestamp, new ByteWriter().u32(fields.timestamp).bytes());
  }
  if (fields.encryption !== undefined) encodeEncryption(writer, fields.encryption);
  return writer.bytes();
}

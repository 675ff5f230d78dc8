/**
 * One record of a trust list (formats.md §3): a certificate, what it may do, and where.
 * Reads items in any order after RECORD LENGTH, records without signature, without certificate (33 bytes in a
 * nonsecure cluster's CTL), without DNS name. Refuses an item twice, an unknown tag or role, a length that lies.
 * Whether the other items are those of the certificate is the verifier's question.
 */
import { ByteWriter, readU16 } from '../base/bytes.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { malformed, type FormatCode, type FormatError } from './format-error.ts';
import { recordTag, recordTagNames } from './record-tags.ts';
import { codeOfRole, roleOfCode, type Role } from './role.ts';
import {
  readText,
  readTlv,
  tlvHeadBytes,
  writeText,
  writeTlv,
  writeU16,
  type Item,
  type Tlv,
} from './tlv.ts';

/** What a record says; every item but the role may be absent. */
export interface TrustRecordFields {
  readonly role: Role;
  /** Host; '' is a DNS NAME of length 1, as eToken records have it. */
  readonly dnsName?: string | undefined;
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  readonly serial?: Uint8Array | undefined;
  /** RSA: PKCS#1 DER; EC: the uncompressed point. */
  readonly publicKey?: Uint8Array | undefined;
  /** The certificate's own signature bytes. */
  readonly signature?: Uint8Array | undefined;
  readonly certificateDer?: Uint8Array | undefined;
  /** 4 or 16 bytes. */
  readonly ipAddress?: Uint8Array | undefined;
  readonly certificateHash?: Uint8Array | undefined;
  readonly certificateHashAlgorithm?: Uint8Array | undefined;
}

export interface TrustRecord extends TrustRecordFields {
  /** Offset of the record in the file, and RECORD LENGTH. */
  readonly offset: number;
  readonly length: number;
  readonly items: readonly Item[];
}

/** Reads the record at `offset`; it must end at or before the end of `bytes`. */
export function decodeTrustRecord(bytes: Uint8Array, offset: number): Outcome<TrustRecord, FormatError> {
  const length = readRecordLength(bytes, offset);
  if (!length.ok) return length;
  const items = readItems(bytes, offset, offset + length.value);
  if (!items.ok) return items;
  const byTag = new Map(items.value.map((item) => [item.tag, item]));
  const role = readRole(byTag.get(recordTag.function), offset);
  if (!role.ok) return role;
  const ip = byTag.get(recordTag.ipAddress);
  if (ip !== undefined && ip.length !== 4 && ip.length !== 16)
    return malformed('ip-address-length', ip.offset, `${ip.length}`);
  const texts: (string | undefined)[] = [];
  for (const tag of [recordTag.dnsName, recordTag.subjectName, recordTag.issuerName]) {
    const item = byTag.get(tag);
    const text = item === undefined ? good(undefined) : readText(item);
    if (!text.ok) return text;
    texts.push(text.value);
  }
  const [dnsName, subject, issuer] = texts;
  return good({
    offset,
    length: length.value,
    items: items.value,
    role: role.value,
    dnsName,
    subject,
    issuer,
    serial: byTag.get(recordTag.serialNumber)?.value,
    publicKey: byTag.get(recordTag.publicKey)?.value,
    signature: byTag.get(recordTag.signature)?.value,
    certificateDer: byTag.get(recordTag.certificate)?.value,
    ipAddress: ip?.value,
    certificateHash: byTag.get(recordTag.certificateHash)?.value,
    certificateHashAlgorithm: byTag.get(recordTag.certificateHashAlgorithm)?.value,
  });
}

/** Writes one record in CUCM's order, 1 to 12. The length of a record beyond 64 KB is undefined: no record. */
export function encodeTrustRecord(fields: TrustRecordFields): Uint8Array | undefined {
  const writer = new ByteWriter();
  const text = (tag: number, value: string | undefined): void => {
    if (value !== undefined) writeText(writer, tag, value);
  };
  const raw = (tag: number, value: Uint8Array | undefined): void => {
    if (value !== undefined) writeTlv(writer, tag, value);
  };
  text(recordTag.dnsName, fields.dnsName);
  text(recordTag.subjectName, fields.subject);
  writeU16(writer, recordTag.function, codeOfRole(fields.role));
  text(recordTag.issuerName, fields.issuer);
  raw(recordTag.serialNumber, fields.serial);
  raw(recordTag.publicKey, fields.publicKey);
  raw(recordTag.signature, fields.signature);
  raw(recordTag.certificate, fields.certificateDer);
  raw(recordTag.ipAddress, fields.ipAddress);
  raw(recordTag.certificateHash, fields.certificateHash);
  raw(recordTag.certificateHashAlgorithm, fields.certificateHashAlgorithm);

  const length = recordHeadBytes + writer.length;
  if (length > 0xffff) return undefined;
  const record = new ByteWriter();
  writeU16(record, recordTag.recordLength, length);
  return record.raw(writer.bytes()).bytes();
}

/** RECORD LENGTH with tag and length; it counts itself. */
const recordHeadBytes = 5;

function readRecordLength(bytes: Uint8Array, offset: number): Outcome<number, FormatError> {
  if (bytes[offset] !== recordTag.recordLength) return malformed('record-length-missing', offset);
  const read = readTlv(bytes, offset, bytes.length, 'record-length-past-end');
  if (!read.ok) return read;
  if (read.value.length !== 2)
    return malformed('record-length-missing', offset, `${read.value.length} bytes`);
  const length = readU16(read.value.value, 0);
  const at = offset + tlvHeadBytes;
  if (length === 0) return malformed('record-length-zero', at);
  if (length < recordHeadBytes) return malformed('record-length-short', at, `${length}`);
  if (length > bytes.length - offset)
    return malformed('record-length-past-end', at, `${length}, ${bytes.length - offset} bytes are left`);
  return good(length);
}

function readItems(bytes: Uint8Array, offset: number, end: number): Outcome<readonly Item[], FormatError> {
  const items: Item[] = [];
  const seen = new Set<number>();
  for (let at = offset; at < end;) {
    const tag = bytes[at] ?? 0;
    const name = recordTagNames.get(tag);
    if (name === undefined) return malformed('unknown-record-tag', at, `tag ${tag}`);
    const past = end - at < tlvHeadBytes ? 'record-length-short' : 'tlv-past-container';
    const read = readTlv(bytes, at, end, past);
    if (!read.ok) return read;
    if (seen.has(tag)) return malformed(repeatedCode(tag), at, name);
    seen.add(tag);
    const { length, value } = read.value;
    items.push({ tag, name, offset: at, length, value, depth: 0 });
    at += tlvHeadBytes + length;
  }
  return good(items);
}

function readRole(item: Tlv | undefined, offset: number): Outcome<Role, FormatError> {
  if (item === undefined) return malformed('record-role-missing', offset);
  if (item.length !== 2) return malformed('item-length', item.offset, `FUNCTION: ${item.length}, not 2`);
  const code = readU16(item.value, 0);
  const role = roleOfCode(code);
  return role === undefined ? malformed('unknown-role', item.offset, `${code}`) : good(role);
}

function repeatedCode(tag: number): FormatCode {
  if (tag === recordTag.function) return 'record-role-repeated';
  return tag === recordTag.certificate ? 'record-certificate-repeated' : 'record-item-repeated';
}

/**
 * `inspect`: any signed file or trust list as a plain value for `--json` (every item with offset, tag, name, length
 * and value) and as a table for people. Describes what stands there; whether to believe it is `verify`'s question.
 */
import { good, type Outcome } from '../../base/outcome.ts';
import { printable, toHex } from '../../base/text.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import type { FormatError } from '../../wire/format-error.ts';
import { hashText, headerItemText, ipText, recordItemText } from '../../wire/item-text.ts';
import type { Role } from '../../wire/role.ts';
import {
  decodeSignedHeader,
  versionText,
  type SignedHeader,
  type SignedKind,
} from '../../wire/signed-header.ts';
import { decodeTrustList } from '../../wire/trust-list.ts';
import type { TrustRecord } from '../../wire/trust-record.ts';
import type { Item } from '../../wire/tlv.ts';
import type { Crypto } from '../ports.ts';

export interface DescribedItem {
  readonly offset: number;
  readonly tag: number;
  readonly name: string;
  /** 0 at the top, 1 and 2 inside containers. */
  readonly depth: number;
  readonly length: number;
  /** Whole; keys and signatures as hex. */
  readonly value: string;
}

export interface DescribedCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly sha1: string;
  readonly sha256: string;
  readonly key: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

export interface DescribedRecord {
  /** From 1. */
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly role: Role;
  readonly dnsName: string | null;
  readonly subject: string | null;
  readonly issuer: string | null;
  readonly serial: string | null;
  readonly ipAddress: string | null;
  /** null where the record holds none, or none that can be read. */
  readonly certificate: DescribedCertificate | null;
  readonly items: readonly DescribedItem[];
}

export interface FileDescription {
  readonly kind: SignedKind;
  readonly version: string;
  readonly sizeBytes: number;
  readonly headerBytes: number;
  readonly contentBytes: number;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
  readonly fileName: string | null;
  readonly timestamp: number | null;
  readonly signed: string | null;
  readonly signer: { readonly name: string; readonly issuer: string; readonly serial: string };
  readonly hash: string;
  readonly signatureBytes: number;
  /** The SIGNATURE item; everything outside it is what the signature is over. */
  readonly signatureItem: { readonly start: number; readonly end: number };
  readonly paddingBytes: number;
  readonly items: readonly DescribedItem[];
  /** Of a trust list; empty otherwise. */
  readonly records: readonly DescribedRecord[];
}

export function describeSignedFile(crypto: Crypto, bytes: Uint8Array): Outcome<FileDescription, FormatError> {
  const header = decodeSignedHeader(bytes);
  if (!header.ok) return header;
  if (header.value.kind !== 'trust-list') return good(describe(crypto, bytes, header.value, []));
  const list = decodeTrustList(bytes);
  return list.ok ? good(describe(crypto, bytes, header.value, list.value.records)) : list;
}

/** The table: offsets are decimal, long values are cut. Ends with a newline. */
export function formatDescription(description: FileDescription): string {
  const { kind, version, sizeBytes, headerBytes, contentBytes, fileName, signed, signer } = description;
  const lines = [
    `${kindText[kind]}, version ${version}: ${sizeBytes} bytes, header ${headerBytes}, content ${contentBytes}`,
    `  signed as  ${fileName === null ? '(no name)' : fileName}${signed === null ? '' : ` at ${signed}`}`,
    `  signer     ${signer.name}`,
    `             issuer ${signer.issuer}, serial ${signer.serial}`,
    `  signature  ${description.hash}, ${description.signatureBytes} bytes`,
    `  SHA-256    ${description.sha256}`,
    '',
    ...itemTable(description.items),
  ];
  for (const record of description.records) lines.push('', ...formatRecord(record));
  return `${lines.join('\n')}\n`;
}

const kindText: Readonly<Record<SignedKind, string>> = {
  'signed-file': 'signed file',
  firmware: 'firmware manifest',
  'trust-list': 'trust list',
  'encrypted-file': 'encrypted configuration',
};

function describe(
  crypto: Crypto,
  bytes: Uint8Array,
  header: SignedHeader,
  records: readonly TrustRecord[],
): FileDescription {
  const { signer, timestamp } = header;
  return {
    kind: header.kind,
    version: versionText(header.version),
    sizeBytes: bytes.length,
    headerBytes: header.headerLength,
    contentBytes: bytes.length - header.headerLength,
    md5: toHex(crypto.digest('md5', bytes)),
    sha1: toHex(crypto.digest('sha1', bytes)),
    sha256: toHex(crypto.digest('sha256', bytes)),
    fileName: shown(header.fileName),
    timestamp: timestamp ?? null,
    signed: timestamp === undefined ? null : formatIsoSeconds(timestamp),
    signer: {
      name: printable(signer.name),
      issuer: printable(signer.issuer),
      serial: toHex(signer.serial, ':'),
    },
    hash: hashText(header.digestCode),
    signatureBytes: header.signature.length,
    signatureItem: header.signatureItem,
    paddingBytes: header.paddingBytes,
    items: header.items.map((item) => describeItem(item, headerItemText)),
    records: records.map((record, index) => describeRecord(crypto, record, index + 1)),
  };
}

function describeItem(item: Item, text: (item: Item) => string): DescribedItem {
  const { offset, tag, name, depth, length } = item;
  return { offset, tag, name, depth, length, value: text(item) };
}

function describeRecord(crypto: Crypto, record: TrustRecord, number: number): DescribedRecord {
  const { serial, ipAddress, certificateDer } = record;
  return {
    number,
    offset: record.offset,
    length: record.length,
    role: record.role,
    dnsName: shown(record.dnsName),
    subject: shown(record.subject),
    issuer: shown(record.issuer),
    serial: serial === undefined ? null : toHex(serial, ':'),
    ipAddress: ipAddress === undefined ? null : ipText(ipAddress),
    certificate: certificateDer === undefined ? null : describeCertificateDer(crypto, certificateDer),
    items: record.items.map((item) => describeItem(item, recordItemText)),
  };
}

function describeCertificateDer(crypto: Crypto, der: Uint8Array): DescribedCertificate | null {
  const facts = crypto.readCertificate(der);
  if (facts === undefined) return null;
  const { publicKey } = facts;
  return {
    subject: printable(facts.subject),
    issuer: printable(facts.issuer),
    sha1: toHex(crypto.digest('sha1', der)),
    sha256: facts.fingerprint,
    key: publicKey.kind === 'rsa' ? `RSA-${publicKey.modulusBits}` : `EC ${publicKey.curve}`,
    notBefore: formatIsoSeconds(facts.notBefore),
    notAfter: formatIsoSeconds(facts.notAfter),
  };
}

function shown(text: string | undefined): string | null {
  return text === undefined ? null : printable(text);
}

function formatRecord(record: DescribedRecord): readonly string[] {
  const { number, role, offset, length, certificate } = record;
  const title = `record ${number}: ${role}, ${length} bytes at ${offset}`;
  if (certificate === null) return [title, ...itemTable(record.items)];
  const validity = `valid ${certificate.notBefore} to ${certificate.notAfter}`;
  return [
    title,
    `  certificate ${certificate.key}, ${validity}`,
    `  SHA-256     ${certificate.sha256}`,
    ...itemTable(record.items),
  ];
}

/** Longest value that a line shows; a longer one is cut and its length stands beside it anyway. */
const shownLettersMax = 64;

function itemTable(items: readonly DescribedItem[]): readonly string[] {
  const rows = items.map(({ offset, tag, name, depth, length, value }) => [
    String(offset),
    String(tag),
    `${'  '.repeat(depth)}${name}`,
    String(length),
    value.length > shownLettersMax ? `${value.slice(0, shownLettersMax - 1)}…` : value,
  ]);
  const head = ['offset', 'tag', 'name', 'length', 'value'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const isNumber = [true, true, false, true, false];
  return [head, ...rows].map((cells) =>
    cells
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/**
 * The text of `show ctl` and `show itl` as administrators know it (domain.md §7; Cisco technotes 118892, 118893):
 * BYTEPOS is the number of the tag, and the words are spelt as CUCM spells them. Names are escaped for a terminal.
 */
import { printable, toHex } from '../../base/text.ts';
import { formatDateLine } from '../../base/utc-time.ts';
import type { FormatError } from '../../wire/format-error.ts';
import { headerTag } from '../../wire/header-tags.ts';
import { ipText } from '../../wire/item-text.ts';
import { recordTag } from '../../wire/record-tags.ts';
import { describeRole } from '../../wire/role.ts';
import { versionText, type HeaderItem, type SignedHeader } from '../../wire/signed-header.ts';
import { decodeTrustList } from '../../wire/trust-list.ts';
import type { TrustRecord } from '../../wire/trust-record.ts';
import type { TrustListKind } from '../cluster/model.ts';
import type { Crypto } from '../ports.ts';
import { findSigningRecord } from './list-signer.ts';

export interface ShownList {
  /** Lines, with a newline at the end. */
  readonly text: string;
  /** The list is whole: one of its own SAST records signed it. */
  readonly verified: boolean;
  /** Set when the bytes are no trust list. */
  readonly error: FormatError | undefined;
}

export interface ShowOptions {
  readonly kind: TrustListKind;
  /** Seconds; without it the list's TIMESTAMP stands for it. */
  readonly modified?: number | undefined;
}

export function showList(crypto: Crypto, bytes: Uint8Array, options: ShowOptions): ShownList {
  const kind = options.kind.toUpperCase();
  const decoded = decodeTrustList(bytes);
  const modified = options.modified ?? (decoded.ok ? decoded.value.header.timestamp : undefined);
  const lines = [
    `The checksum value of the ${kind} file:`,
    `${toHex(crypto.digest('md5', bytes))}(MD5)`,
    `${toHex(crypto.digest('sha1', bytes))}(SHA1)`,
    '',
    `Length of ${kind} file: ${bytes.length}`,
    ...(modified === undefined ? [] : [`The ${kind} File was last modified on ${formatDateLine(modified)}`]),
    '',
  ];
  if (!decoded.ok) {
    lines.push(`Error parsing the ${kind} File.`, decoded.error.message);
    return { text: asText(lines), verified: false, error: decoded.error };
  }
  const list = decoded.value;
  const signing = findSigningRecord(crypto, bytes, list);
  lines.push(...showHeader(kind, list.header));
  for (const [index, record] of list.records.entries())
    lines.push(...showRecord(crypto, kind, index + 1, record, record === signing));
  lines.push(
    signing === undefined
      ? `The ${kind} file was not verified successfully.`
      : `The ${kind} file was verified successfully.`,
  );
  return { text: asText(lines), verified: signing !== undefined, error: undefined };
}

/** CUCM's words for the tags; SIGNER VERSION is ours, CUCM does not write it. */
const headerWords: ReadonlyMap<number, string> = new Map<number, string>([
  [headerTag.signerVersion, 'SIGNERVERSION'],
  [headerTag.signerInfo, 'SIGNERID'],
  [headerTag.signerName, 'SIGNERNAME'],
  [headerTag.serialNumber, 'SERIALNUMBER'],
  [headerTag.issuerName, 'CANAME'],
  [headerTag.signatureInfo, 'SIGNATUREINFO'],
  [headerTag.digestAlgorithm, 'DIGESTALGORTITHM'],
  [headerTag.signatureAlgorithmInfo, 'SIGNATUREALGOINFO'],
  [headerTag.signatureAlgorithm, 'SIGNATUREALGORTITHM'],
  [headerTag.signatureModulus, 'SIGNATUREMODULUS'],
  [headerTag.signature, 'SIGNATURE'],
  [headerTag.fileName, 'FILENAME'],
  [headerTag.timestamp, 'TIMESTAMP'],
]);

const tableHead = ['BYTEPOS\tTAG\t\tLENGTH\tVALUE', '-------\t---\t\t------\t-----'];

function showHeader(kind: string, header: SignedHeader): readonly string[] {
  return [
    `\tParse ${kind} File`,
    '\t----------------',
    '',
    `Version:\t${versionText(header.version)}`,
    `HeaderLength:\t${header.headerLength} (BYTES)`,
    '',
    ...tableHead,
    ...header.items.flatMap((item) => showHeaderItem(header, item)),
    '',
  ];
}

function showHeaderItem(header: SignedHeader, item: HeaderItem): readonly string[] {
  const word = headerWords.get(item.tag);
  if (word === undefined) return [];
  switch (item.tag) {
    // A container's own value is its length, which CUCM shows as the value of a two-byte field.
    case headerTag.signerInfo:
    case headerTag.signatureInfo:
    case headerTag.signatureAlgorithmInfo:
      return [row(item.tag, word, 2, String(item.length))];
    case headerTag.signature:
      return [row(item.tag, word, item.length), ...hexRows(item.value)];
    case headerTag.signerVersion:
      return [row(item.tag, word, item.length, header.signerVersion && versionText(header.signerVersion))];
    case headerTag.signerName:
      return [row(item.tag, word, item.length, printable(header.signer.name))];
    case headerTag.issuerName:
      return [row(item.tag, word, item.length, printable(header.signer.issuer))];
    case headerTag.serialNumber:
      return [row(item.tag, word, item.length, serialText(item.value))];
    case headerTag.fileName:
      return [row(item.tag, word, item.length, printable(header.fileName ?? ''))];
    case headerTag.timestamp:
      return [row(item.tag, word, item.length, formatDateLine(header.timestamp ?? 0))];
    default:
      return [row(item.tag, word, item.length, item.value.join(''))];
  }
}

function showRecord(
  crypto: Crypto,
  kind: string,
  number: number,
  record: TrustRecord,
  signed: boolean,
): readonly string[] {
  const lines = [`\t${kind} Record #:${number}`, '\t  ----', ...tableHead];
  for (const { tag, length, value } of record.items) {
    const [word, text] = recordWord(crypto, record, tag, value);
    lines.push(row(tag, word, length, text));
  }
  if (record.role === 'SAST')
    lines.push(`This etoken was ${signed ? '' : 'not '}used to sign the ${kind} file.`);
  return [...lines, ''];
}

function recordWord(
  crypto: Crypto,
  record: TrustRecord,
  tag: number,
  value: Uint8Array,
): readonly [word: string, text: string] {
  switch (tag) {
    case recordTag.recordLength:
      return ['RECORDLENGTH', String(record.length)];
    case recordTag.dnsName:
      return ['DNSNAME', printable(record.dnsName ?? '')];
    case recordTag.subjectName:
      return ['SUBJECTNAME', printable(record.subject ?? '')];
    case recordTag.function:
      return ['FUNCTION', describeRole(record.role)];
    case recordTag.issuerName:
      return ['ISSUERNAME', printable(record.issuer ?? '')];
    case recordTag.serialNumber:
      return ['SERIALNUMBER', serialText(value)];
    case recordTag.publicKey:
      return ['PUBLICKEY', ''];
    case recordTag.signature:
      return ['SIGNATURE', ''];
    case recordTag.certificate:
      return ['CERTIFICATE', `${toHex(crypto.digest('sha1', value), ' ').toUpperCase()} (SHA1 Hash HEX)`];
    case recordTag.ipAddress:
      return ['IPADDRESS', ipText(value)];
    case recordTag.certificateHash:
      return ['CERTHASH', toHex(value, ' ').toUpperCase()];
    default:
      return ['HASHALGORITHM', value.join('')];
  }
}

function row(tag: number, word: string, length: number, value = ''): string {
  // Tab stops of 8: a word of 8 letters and more reaches the second one by itself.
  const gap = word.length < 8 ? '\t\t' : '\t';
  return `${tag}\t${word}${gap}${length}${value === '' ? '' : `\t${value}`}`;
}

function serialText(serial: Uint8Array): string {
  return toHex(serial, ':').toUpperCase();
}

/** Eight bytes a line, without leading zeros, as CUCM writes them. */
function hexRows(bytes: Uint8Array): readonly string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const cells = Array.from(bytes.subarray(at, at + 8), (byte) => byte.toString(16).padEnd(2));
    rows.push(cells.join('  ').trimEnd());
  }
  return rows;
}

function asText(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

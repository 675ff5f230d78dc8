/**
 * What the records of a list say of themselves against the certificates they hold (security.md §2: "record key,
 * subject or serial that is not its certificate's"). Names are compared as sets of attributes.
 */
import { equalBytes } from '../../base/bytes.ts';
import { repeatedRecord, type TrustList } from '../../wire/trust-list.ts';
import type { TrustRecord } from '../../wire/trust-record.ts';
import { signsFiles } from '../../wire/role.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { sameSerial } from './anchor.ts';
import { namesAttributes } from './name-text.ts';
import { rejection, type Lint, type Rejection } from './verdict.ts';

/** The first record that lies, or stands twice. */
export function checkRecords(crypto: Crypto, bytes: Uint8Array, list: TrustList): Rejection | undefined {
  const repeated = repeatedRecord(list, bytes);
  if (repeated) return rejection('record-repeated', whereOf(list, repeated));
  for (const record of list.records) {
    const code = checkRecord(crypto, record);
    if (code !== undefined) return rejection(code, whereOf(list, record));
  }
  return undefined;
}

/** What is worth a word in a list that is accepted. */
export function lintRecords(crypto: Crypto, list: TrustList, nowSeconds: number): readonly Lint[] {
  const lint: Lint[] = [];
  for (const record of list.records) {
    const detail = whereOf(list, record);
    const certificate = record.certificateDer && crypto.readCertificate(record.certificateDer);
    if (certificate === undefined) lint.push({ code: 'lint-record-without-certificate', detail });
    else if (certificate.notAfter < nowSeconds) lint.push({ code: 'lint-record-expired', detail });
    if (certificate && record.signature && !equalBytes(record.signature, certificate.signature))
      lint.push({ code: 'lint-record-signature', detail });
  }
  const sasts = list.records.filter(({ role }) => role === 'SAST').length;
  if (sasts < 2) lint.push({ code: 'lint-one-sast', detail: `${sasts} SAST` });
  if (!list.records.some(({ role }) => signsFiles(role)))
    lint.push({ code: 'lint-no-file-signer', detail: '' });
  return lint;
}

function checkRecord(crypto: Crypto, record: TrustRecord): Rejection['code'] | undefined {
  if (record.certificateDer === undefined) return undefined;
  const certificate = crypto.readCertificate(record.certificateDer);
  if (certificate === undefined) return 'record-certificate-unreadable';
  const { subject, issuer, serial, publicKey } = record;
  if (subject !== undefined && !namesAttributes(subject, certificate.subjectAttributes))
    return 'record-subject-differs';
  if (issuer !== undefined && !namesAttributes(issuer, certificate.issuerAttributes))
    return 'record-issuer-differs';
  if (serial !== undefined && !sameSerial(serial, certificate.serial)) return 'record-serial-differs';
  if (publicKey !== undefined && !equalBytes(publicKey, keyItemOf(certificate))) return 'record-key-differs';
  return undefined;
}

/** PUBLIC KEY as a record holds it (formats.md §3). */
function keyItemOf({ publicKey }: CertificateFacts): Uint8Array {
  return publicKey.kind === 'rsa' ? publicKey.pkcs1 : publicKey.point;
}

function whereOf(list: TrustList, record: TrustRecord): string {
  return `record ${list.records.indexOf(record) + 1} at byte ${record.offset}`;
}

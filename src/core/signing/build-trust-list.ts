/**
 * Builds and signs a trust list from planned records (formats.md §3), header 1.2, no SIGNER VERSION, as CUCM writes it.
 *
 * Refuses what would strand phones (security.md §2, "A builder refuses"): no TFTP or CCM+TFTP record, fewer than two
 * SAST, more than 64 KB, a signer that is no SAST of the list, one record twice, a name of the other kind of list,
 * and whatever signHeader refuses of keys.
 */
import { Failure } from '../../base/errors.ts';
import { trustListBytesMax } from '../../base/limits.ts';
import { printable } from '../../base/text.ts';
import { signsFiles } from '../../wire/role.ts';
import { encodeTrustList, trustListVersion } from '../../wire/trust-list.ts';
import { encodeTrustRecord, type TrustRecordFields } from '../../wire/trust-record.ts';
import type { TrustListKind } from '../cluster/model.ts';
import { withoutRepeats, type PlannedRecord } from '../trust/trust-plan.ts';
import { signHeader, type SignatureRequest } from './sign-header.ts';

export interface TrustListRequest extends SignatureRequest {
  readonly kind: TrustListKind;
  /** In the order in which they are written. */
  readonly records: readonly PlannedRecord[];
  /** "Prepare for rollback" (domain.md §2): an ITL without TVS and TFTP parts, because somebody asked for it. */
  readonly preparesRollback?: boolean | undefined;
}

/** The signed list. Failure `refused` with the rule that the list would break. */
export async function buildTrustList(request: TrustListRequest): Promise<Uint8Array> {
  refuseUnsafe(request);
  const records = request.records.map(encodeRecord);
  const header = await signHeader({ ...request, version: trustListVersion, content: records });
  const list = encodeTrustList(header, records);
  if (list.length > trustListBytesMax) throw tooLong(`${list.length} bytes`);
  return list;
}

/** The items of a record that come from its certificate. */
export function recordFields({ role, certificate, dnsName, ipAddress }: PlannedRecord): TrustRecordFields {
  if (certificate === undefined) return { role, dnsName, ipAddress };
  const { publicKey } = certificate;
  return {
    role,
    dnsName,
    subject: certificate.subject,
    issuer: certificate.issuer,
    serial: certificate.serial,
    publicKey: publicKey.kind === 'rsa' ? publicKey.pkcs1 : publicKey.point,
    signature: certificate.signature,
    certificateDer: certificate.der,
    ipAddress,
  };
}

function encodeRecord(record: PlannedRecord): Uint8Array {
  const encoded = encodeTrustRecord(recordFields(record));
  if (encoded === undefined) throw tooLong('one record is');
  return encoded;
}

function refuseUnsafe({ kind, records, fileName, signer, preparesRollback }: TrustListRequest): void {
  const list = kind.toUpperCase();
  if (!fileNames[kind].test(fileName))
    throw new Failure('refused', `"${printable(fileName)}" is not the name of an ${list}`);
  if (preparesRollback === true) refuseHalfRollback(kind, records);
  else if (!records.some((record) => signsFiles(record.role)))
    throw new Failure('refused', `an ${list} without TFTP or CCM+TFTP record makes phones refuse every file`);
  const bare = records.find(({ role, certificate }) => certificate === undefined && !signsFiles(role));
  if (bare !== undefined)
    throw new Failure('refused', `a ${bare.role} record without certificate means nothing to a phone`);
  const sasts = records
    .filter(({ role }) => role === 'SAST')
    .map(({ certificate }) => certificate?.fingerprint);
  if (new Set(sasts).size < sastsMin)
    throw new Failure('refused', `an ${list} needs ${sastsMin} SAST records of different certificates`, {
      hint: 'With one signer its loss would strand every phone.',
    });
  if (!sasts.includes(signer.certificate.fingerprint))
    throw new Failure('refused', `the signer is no SAST in the ${list} that it would sign`);
  if (withoutRepeats(records).length !== records.length)
    throw new Failure('refused', `a record stands twice in the ${list}`);
}

/** A CTL is never emptied, and with a TVS left phones would go on asking it. */
function refuseHalfRollback(kind: TrustListKind, records: readonly PlannedRecord[]): void {
  if (kind === 'itl' && !records.some(({ role }) => signsFiles(role) || role === 'TVS')) return;
  throw new Failure('refused', 'only an ITL without TVS and TFTP records prepares a rollback');
}

/** A cluster's list or one device's. */
const fileNames: Readonly<Record<TrustListKind, RegExp>> = {
  itl: /^ITL(File|SEP[0-9A-F]{12})\.tlv$/i,
  ctl: /^CTL(File|SEP[0-9A-F]{12})\.tlv$/i,
};

/** One to sign, one to recover with. */
const sastsMin = 2;

function tooLong(what: string): Failure {
  return new Failure('refused', `${what}: more than ${trustListBytesMax} bytes load on no phone`, {
    hint: 'About 39 certificates fit; remove foreign SAST records.',
  });
}

/** What a phone checks of bytes and signature once it knows whom to believe, shared by files and lists. */
import { hashOfCode } from '../../wire/algorithm.ts';
import type { FormatCode, FormatError } from '../../wire/format-error.ts';
import type { Role } from '../../wire/role.ts';
import { decodeSignedHeader, type SignedHeader } from '../../wire/signed-header.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { nameCertificate } from './anchor.ts';
import { reject, unknown, type Judgement } from './judgement.ts';
import type { PhoneTrust } from './phone-trust.ts';
import { checkPolicy, checkSignature, phonePolicy } from './signature-check.ts';
import { checkFloor, verifyStrict } from './strict.ts';
import { rejection, type VerdictCode } from './verdict.ts';

export interface FileToJudge {
  readonly bytes: Uint8Array;
  /** The name the phone asked for. */
  readonly name: string;
}

/**
 * Rules of structure that are ours: a phone may skip what it does not know or what stands twice.
 * Nothing public says so, therefore `unknown`; every other break leaves a phone without the items it needs.
 */
const openFormatCodes: ReadonlySet<FormatCode> = new Set<FormatCode>([
  'header-too-long',
  'padding-too-long',
  'unknown-header-tag',
  'unknown-record-tag',
  'unknown-role',
  'unknown-version',
  'item-repeated',
  'digest-repeated',
  'signature-repeated',
  'file-name-repeated',
  'timestamp-repeated',
  'record-item-repeated',
  'record-role-repeated',
  'record-certificate-repeated',
  'ip-address-length',
  'encryption-unexpected',
]);

export function judgeFormat(error: FormatError): Judgement {
  const failed = { code: error.code, reason: error.message };
  return openFormatCodes.has(error.code) ? unknown(failed) : reject(failed);
}

/** Of a signed file or a list; false for what is neither. */
export function signsSha512(bytes: Uint8Array): boolean {
  const header = decodeSignedHeader(bytes);
  return header.ok && hashOfCode(header.value.digestCode) === 'sha512';
}

/** Can the phone check this signature at all? An unknown algorithm is judgeSignature's affair. */
export function mayRead({ sha1Only = false }: PhoneTrust, { digestCode }: SignedHeader): boolean {
  return !(sha1Only && hashOfCode(digestCode) === 'sha512');
}

/** Policy of phones, signature, floor; `undefined` when all hold. */
export function judgeSignature(
  crypto: Crypto,
  bytes: Uint8Array,
  header: SignedHeader,
  certificate: CertificateFacts,
  floor: number | undefined,
): Judgement | undefined {
  const signer = nameCertificate(certificate);
  const failed =
    checkPolicy(header, certificate, phonePolicy) ?? checkSignature(crypto, bytes, header, certificate);
  if (failed) return reject(failed, signer);
  if (header.timestamp === undefined) return unknown(rejection('timestamp-missing'), signer);
  const older = checkFloor(header.timestamp, floor);
  return older && reject(older, signer);
}

export interface LintRequest extends FileToJudge {
  /** Undefined: nobody wants to know. */
  readonly nowSeconds: number | undefined;
  readonly lists: readonly Uint8Array[];
  /** What a TVS vouched for. */
  readonly vouched?: { readonly certificate: CertificateFacts; readonly roles: readonly Role[] } | undefined;
}

/** The strict verifier's word on a file that the phone takes. */
export function lintOf(crypto: Crypto, request: LintRequest): readonly VerdictCode[] {
  const { bytes, name, nowSeconds, lists, vouched } = request;
  if (nowSeconds === undefined) return [];
  const certificates = (vouched?.roles ?? []).flatMap((role) =>
    vouched ? [{ role, certificate: vouched.certificate }] : [],
  );
  const trust = { lists, certificates };
  const verdict = verifyStrict(crypto, { bytes, name, trust, nowSeconds, policy: phonePolicy });
  if (!verdict.accepted) return [verdict.code];
  return [...new Set(verdict.lint.map(({ code }) => code))];
}

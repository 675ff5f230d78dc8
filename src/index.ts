/**
 * The library: read signed files and trust lists, ask what a phone would do with them, verify them strictly.
 * Pure functions over bytes, node:crypto beneath; no file, socket or clock is touched. What the command line offers
 * as `inspect`, `verify --as-phone` and `verify`.
 *
 *   import { readCertificates, verify } from 'tftp-pki';
 *   const [certificate] = readCertificates(pem);
 *   verify({ bytes, name: 'Ringlist.xml.sgn', trust: { lists: [itl], certificates: [] }, nowSeconds });
 */
import type { Outcome } from './base/outcome.ts';
import type { CertificateFacts } from './core/ports.ts';
import { describeSignedFile, type FileDescription } from './core/trust/describe-file.ts';
import { judgeFile, type FileToJudge, type Judgement, type PhoneTrust } from './core/trust/judge.ts';
import { verifyStrict, type StrictInput } from './core/trust/strict.ts';
import type { Verdict } from './core/trust/verdict.ts';
import { readCertificateFile } from './pki/certificate.ts';
import { createVerifier } from './pki/verifier.ts';
import type { FormatError } from './wire/format-error.ts';

export { Failure, type ErrorCode } from './base/errors.ts';
export type { Outcome } from './base/outcome.ts';
export type { CertificateFacts } from './core/ports.ts';
export type { FileDescription } from './core/trust/describe-file.ts';
export type { FileToJudge, Judgement, PhoneTrust, TvsAnswer } from './core/trust/judge.ts';
export { noTrust, type StrictInput, type Trust } from './core/trust/strict.ts';
export { sentences, type Verdict, type VerdictCode } from './core/trust/verdict.ts';
export type { FormatCode, FormatError } from './wire/format-error.ts';
export type { Role } from './wire/role.ts';
export { decodeSignedFile, type SignedFile } from './wire/signed-file.ts';
export { decodeSignedHeader, toBeSigned, type SignedHeader } from './wire/signed-header.ts';
export { decodeTrustList, type TrustList } from './wire/trust-list.ts';
export type { TrustRecord } from './wire/trust-record.ts';

/** Keeps loaded keys between calls; holds nothing else. */
const crypto = createVerifier();

/** Certificates of a PEM or DER file, in its order. Throws Failure `format` when there is none. */
export function readCertificates(bytes: Uint8Array): readonly CertificateFacts[] {
  return readCertificateFile(bytes);
}

/** Every item of a signed file or trust list with its offset, as a plain value that JSON can hold. */
export function decode(bytes: Uint8Array): Outcome<FileDescription, FormatError> {
  return describeSignedFile(crypto, bytes);
}

/** What a phone that holds these lists does with the file it asked for as `file.name`. */
export function judge(phone: PhoneTrust, file: FileToJudge, nowSeconds: number): Judgement {
  return judgeFile(crypto, phone, file, nowSeconds);
}

/** The strict verdict: the first rule that fails, or acceptance with remarks. Never throws on bytes. */
export function verify(input: StrictInput): Verdict {
  return verifyStrict(crypto, input);
}

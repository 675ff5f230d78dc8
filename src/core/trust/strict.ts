/**
 * The strict verifier: `verify`'s verdict and the publisher's (security.md §2). Rules run in the clause's order,
 * size → structure → name → signer → role → policy → signature → validity → time → floor, and the first that fails
 * is the verdict. Pure and total: any bytes give a verdict. What a phone would do is judge.ts.
 *
 * Refuses with one code each what the clause lists; accepts with a word (lint) what phones take and people should know.
 */
import { signedFileBytesMax, timestampAheadSecondsMax, trustListBytesMax } from '../../base/limits.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { decodeSignedHeader, type SignedHeader } from '../../wire/signed-header.ts';
import { decodeTrustList, type TrustList } from '../../wire/trust-list.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { describeCertificate, nameCertificate, nameHeaderSigner } from './anchor.ts';
import { lintSigner } from './lint.ts';
import { checkRecords, lintRecords } from './list-check.ts';
import { checkFileName, checkVersion, listKindOfName } from './name-check.ts';
import { checkPolicy, checkSignature, defaultPolicy, type Policy } from './signature-check.ts';
import { findSigner, type Trust } from './strict-signer.ts';
import { rejection, sentences, type CertificateName, type Rejection, type Verdict } from './verdict.ts';

export { noTrust, type Trust } from './strict-signer.ts';

export interface StrictInput {
  readonly bytes: Uint8Array;
  /** The name that was asked for. */
  readonly name: string;
  readonly trust: Trust;
  readonly policy?: Partial<Policy>;
  readonly nowSeconds: number;
  /** The newest timestamp accepted for this name, seconds. */
  readonly newerThan?: number | undefined;
  /** The list that this list replaces: its SAST must have signed, its timestamp is a floor. */
  readonly against?: Uint8Array | undefined;
}

export function verifyStrict(crypto: Crypto, input: StrictInput): Verdict {
  const read = readInput(crypto, input);
  if (!read.ok) return rejected(read.error);
  const file = read.value;
  const named = checkFileName(input.name, file.header.fileName) ?? checkVersion(input.name, file.header.kind);
  const claimed = nameHeaderSigner(file.header.signer);
  if (named) return rejected(named, claimed);
  const signer = findSigner(crypto, input, file);
  if (!signer.ok) return rejected(signer.error, claimed);
  const { certificate } = signer.value;
  const failed =
    checkPolicy(file.header, certificate, { ...defaultPolicy, ...input.policy }) ??
    checkSignature(crypto, input.bytes, file.header, certificate) ??
    checkValidity(file.timestamp, certificate) ??
    checkWindow(file.timestamp, input.nowSeconds) ??
    checkFloor(file.timestamp, input.newerThan) ??
    checkFloor(file.timestamp, signer.value.previousTimestamp);
  if (failed) return rejected(failed, nameCertificate(certificate));
  const code = signer.value.firstUse ? 'accepted-first-use' : 'accepted';
  return {
    accepted: true,
    code,
    reason: `${sentences[code]}; signed by ${describeCertificate(nameCertificate(certificate))}`,
    signer: nameCertificate(certificate),
    lint: [
      ...lintSigner(file.header, file.timestamp, certificate, input.nowSeconds),
      ...(file.list ? lintRecords(crypto, file.list, input.nowSeconds) : []),
    ],
  };
}

interface ReadFile {
  readonly header: SignedHeader;
  readonly timestamp: number;
  /** Set when the file is a trust list. */
  readonly list: TrustList | undefined;
}

/** Size and structure (security.md §2), the bytes' own rules first. */
function readInput(crypto: Crypto, { bytes, name }: StrictInput): Outcome<ReadFile, Rejection> {
  if (listKindOfName(name) !== undefined && bytes.length > trustListBytesMax)
    return bad(rejection('trust-list-too-long', `${bytes.length} bytes`));
  if (bytes.length > signedFileBytesMax) return bad(rejection('file-too-large', `${bytes.length} bytes`));
  const header = decodeSignedHeader(bytes);
  if (!header.ok) return bad({ code: header.error.code, reason: header.error.message });
  if (header.value.kind !== 'trust-list') return withTimestamp(header.value, undefined);
  const list = decodeTrustList(bytes);
  if (!list.ok) return bad({ code: list.error.code, reason: list.error.message });
  const lie = checkRecords(crypto, bytes, list.value);
  return lie ? bad(lie) : withTimestamp(header.value, list.value);
}

function withTimestamp(header: SignedHeader, list: TrustList | undefined): Outcome<ReadFile, Rejection> {
  const { timestamp } = header;
  return timestamp === undefined ? bad(rejection('timestamp-missing')) : good({ header, timestamp, list });
}

/** A signer that expired after it signed stays good. */
function checkValidity(timestamp: number, certificate: CertificateFacts): Rejection | undefined {
  if (timestamp < certificate.notBefore)
    return rejection('signed-before-validity', `signed ${timestamp}, valid from ${certificate.notBefore}`);
  if (timestamp > certificate.notAfter)
    return rejection('signed-after-validity', `signed ${timestamp}, valid to ${certificate.notAfter}`);
  return undefined;
}

function checkWindow(timestamp: number, nowSeconds: number): Rejection | undefined {
  if (timestamp <= nowSeconds + timestampAheadSecondsMax) return undefined;
  return rejection('timestamp-ahead', `${timestamp - nowSeconds} seconds`);
}

/** Equal is accepted: the same file is served again and again. */
export function checkFloor(timestamp: number, floor: number | undefined): Rejection | undefined {
  if (floor === undefined || timestamp >= floor) return undefined;
  return rejection('timestamp-older', `${timestamp}, accepted before: ${floor}`);
}

/** The signer is the one the file claims, until it was found. */
function rejected(failed: Rejection, signer?: CertificateName): Verdict {
  return { accepted: false, ...failed, signer, lint: [] };
}

/**
 * The strict verifier: `verify`'s verdict and the publisher's (security.md §2). Rules run in the clause's order,
 * size → structure → name → signer → role → policy → signature → validity → time → floor, and the first that fails
 * is the verdict. Pure and total: any bytes give a verdict. What a phone would do is judge.ts.
 *
 * Refuses with one code each what the clause lists; accepts with a word (lint) what phones take and people should know.
 */
import { signedFileBytesMax, timestampAheadSecondsMax, trustListBytesMax } from '../../base/limits.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { printable, toHex } from '../../base/text.ts';
import { signsFiles, type Role } from '../../wire/role.ts';
import { decodeSignedHeader, type SignedHeader } from '../../wire/signed-header.ts';
import { decodeTrustList, type TrustList } from '../../wire/trust-list.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import {
  anchorOf,
  anchorsOfList,
  describeCertificate,
  findAnchors,
  nameCertificate,
  shareOneKey,
  type Anchor,
} from './anchor.ts';
import { checkRecords, lintRecords } from './list-check.ts';
import { lintSigner } from './lint.ts';
import { checkFileName, checkVersion, listKindOfName } from './name-check.ts';
import { checkPolicy, checkSignature, defaultPolicy, type Policy } from './signature-check.ts';
import { rejection, sentences, type Rejection, type Verdict } from './verdict.ts';

/** What the one who verifies believes beforehand. Nothing at all: a trust list is judged as a first one. */
export interface Trust {
  /** Trust lists, as bytes. */
  readonly lists: readonly Uint8Array[];
  readonly certificates: readonly { readonly role: Role; readonly certificate: CertificateFacts }[];
}

export const noTrust: Trust = { lists: [], certificates: [] };

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
  if (named) return rejected(named);
  const signer = findSigner(crypto, input, file);
  if (!signer.ok) return rejected(signer.error);
  const { certificate } = signer.value;
  const failed =
    checkPolicy(file.header, certificate, { ...defaultPolicy, ...input.policy }) ??
    checkSignature(crypto, input.bytes, file.header, certificate) ??
    checkValidity(file.timestamp, certificate) ??
    checkWindow(file.timestamp, input.nowSeconds) ??
    checkFloor(file.timestamp, input.newerThan) ??
    checkFloor(file.timestamp, signer.value.previousTimestamp);
  if (failed) return { ...rejected(failed), signer: nameCertificate(certificate) };
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

interface FoundSigner {
  readonly certificate: CertificateFacts;
  readonly firstUse: boolean;
  readonly previousTimestamp: number | undefined;
}

/** Signer by certificate, then role (security.md §2). */
function findSigner(crypto: Crypto, input: StrictInput, file: ReadFile): Outcome<FoundSigner, Rejection> {
  const trusted = readTrust(crypto, input.trust);
  if (!trusted.ok) return trusted;
  if (file.list === undefined) {
    if (!isGiven(input.trust)) return bad(rejection('nothing-trusted', signerText(file.header)));
    return findFileSigner(trusted.value, file.header);
  }
  const own = anchorsOfList(crypto, file.list);
  const previous = input.against === undefined ? undefined : decodeTrustList(input.against);
  if (previous?.ok === false)
    return bad(rejection('trust-list-unreadable', `the previous list: ${previous.error.message}`));
  const sources = [
    ...(isGiven(input.trust) ? [trusted.value] : []),
    ...(previous === undefined ? [] : [anchorsOfList(crypto, previous.value)]),
  ];
  const certificate = findListSigner(own, sources, file.header);
  if (!certificate.ok) return certificate;
  return good({
    certificate: certificate.value,
    firstUse: sources.length === 0,
    previousTimestamp: previous?.value.header.timestamp,
  });
}

/** A given list without a usable record is trust in nobody, not the absence of trust. */
function isGiven(trust: Trust): boolean {
  return trust.lists.length > 0 || trust.certificates.length > 0;
}

function readTrust(crypto: Crypto, trust: Trust): Outcome<readonly Anchor[], Rejection> {
  const anchors = trust.certificates.map(({ role, certificate }) => anchorOf(role, certificate));
  for (const bytes of trust.lists) {
    const list = decodeTrustList(bytes);
    if (!list.ok) return bad(rejection('trust-list-unreadable', list.error.message));
    anchors.push(...anchorsOfList(crypto, list.value));
  }
  return good(anchors);
}

function findFileSigner(trusted: readonly Anchor[], header: SignedHeader): Outcome<FoundSigner, Rejection> {
  const found = findAnchors(trusted, header.signer);
  if (found.length === 0) return bad(rejection('signer-unknown', signerText(header)));
  if (!shareOneKey(found)) return bad(rejection('signer-key-differs', signerText(header)));
  const certificate = found.find((anchor) => anchor.certificate)?.certificate;
  if (certificate === undefined) return bad(rejection('signer-without-certificate', signerText(header)));
  if (!found.some(({ role }) => signsFiles(role)))
    return bad(rejection('signer-not-for-files', `as ${rolesOf(found)}: ${signerText(header)}`));
  return good({ certificate, firstUse: false, previousTimestamp: undefined });
}

/** The signer stands in the list it signs and in everything that is trusted beforehand, as SAST, with one key. */
function findListSigner(
  own: readonly Anchor[],
  sources: readonly (readonly Anchor[])[],
  header: SignedHeader,
): Outcome<CertificateFacts, Rejection> {
  const detail = signerText(header);
  const inOwn = findAnchors(own, header.signer);
  if (inOwn.length === 0) return bad(rejection('signer-not-in-list', detail));
  const inSources = sources.map((source) => findAnchors(source, header.signer));
  if (inSources.some((found) => found.length === 0)) return bad(rejection('signer-not-in-previous', detail));
  if (!shareOneKey([...inOwn, ...inSources.flat()])) return bad(rejection('signer-key-differs', detail));
  const certificate = inOwn.find((anchor) => anchor.certificate)?.certificate;
  const known = inSources.every((found) => found.some((anchor) => anchor.certificate));
  if (certificate === undefined || !known) return bad(rejection('signer-without-certificate', detail));
  if (!isSast(inOwn)) return bad(rejection('signer-not-sast', `as ${rolesOf(inOwn)}: ${detail}`));
  const weak = inSources.find((found) => !isSast(found));
  if (weak) return bad(rejection('previous-not-sast', `as ${rolesOf(weak)}: ${detail}`));
  return good(certificate);
}

/** A signer that expired after it signed stays good. */
export function checkValidity(timestamp: number, certificate: CertificateFacts): Rejection | undefined {
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

function rejected(failed: Rejection): Verdict {
  return { accepted: false, ...failed, signer: undefined, lint: [] };
}

export function isSast(anchors: readonly Anchor[]): boolean {
  return anchors.some(({ role }) => role === 'SAST');
}

export function rolesOf(anchors: readonly Anchor[]): string {
  return [...new Set(anchors.map(({ role }) => role))].join(', ');
}

export function signerText({ signer }: SignedHeader): string {
  return `${printable(signer.name)} (issuer ${printable(signer.issuer)}, serial ${toHex(signer.serial, ':')})`;
}

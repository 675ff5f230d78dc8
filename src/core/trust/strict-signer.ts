/**
 * The signer of a file or list before the strict verifier: found by certificate, then asked for its role
 * (security.md §2). A list's signer stands as SAST in the list it signs and in everything that is trusted beforehand.
 * Refuses a signer matched by serial alone, two keys under one issuer and serial, a record without certificate.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { signsFiles, type Role } from '../../wire/role.ts';
import type { SignedHeader } from '../../wire/signed-header.ts';
import { decodeTrustList, type TrustList } from '../../wire/trust-list.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import {
  anchorOf,
  anchorsOfList,
  canSign,
  describeCertificate,
  findAnchors,
  nameAnchor,
  nameHeaderSigner,
  shareOneKey,
  type Anchor,
} from './anchor.ts';
import { rejection, type Rejection } from './verdict.ts';

/** What the one who verifies believes beforehand. Nothing at all: a trust list is judged as a first one. */
export interface Trust {
  /** Trust lists, as bytes. */
  readonly lists: readonly Uint8Array[];
  readonly certificates: readonly { readonly role: Role; readonly certificate: CertificateFacts }[];
}

export const noTrust: Trust = { lists: [], certificates: [] };

export interface SignerInput {
  readonly trust: Trust;
  readonly against?: Uint8Array | undefined;
}

export interface DecodedFile {
  readonly header: SignedHeader;
  /** Set when the file is a trust list. */
  readonly list: TrustList | undefined;
}

export interface FoundSigner {
  readonly certificate: CertificateFacts;
  readonly firstUse: boolean;
  readonly previousTimestamp: number | undefined;
}

/** Signer by certificate, then role (security.md §2). */
export function findSigner(
  crypto: Crypto,
  input: SignerInput,
  file: DecodedFile,
): Outcome<FoundSigner, Rejection> {
  const trusted = readTrust(crypto, input.trust);
  if (!trusted.ok) return trusted;
  if (file.list === undefined) {
    if (!isGiven(input.trust)) return bad(rejection('nothing-trusted', describeSigner(file.header)));
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
  if (found.length === 0) return bad(rejection('signer-unknown', withTrusted(header, trusted, signsFiles)));
  if (!shareOneKey(found)) return bad(rejection('signer-key-differs', describeSigner(header)));
  const certificate = found.find((anchor) => anchor.certificate)?.certificate;
  if (certificate === undefined) return bad(rejection('signer-without-certificate', describeSigner(header)));
  if (!found.some(({ role }) => signsFiles(role)))
    return bad(rejection('signer-not-for-files', `as ${rolesOf(found)}: ${describeSigner(header)}`));
  return good({ certificate, firstUse: false, previousTimestamp: undefined });
}

/** The signer stands in the list it signs and in everything that is trusted beforehand, as SAST, with one key. */
function findListSigner(
  own: readonly Anchor[],
  sources: readonly (readonly Anchor[])[],
  header: SignedHeader,
): Outcome<CertificateFacts, Rejection> {
  const detail = describeSigner(header);
  const inOwn = findAnchors(own, header.signer);
  if (inOwn.length === 0) return bad(rejection('signer-not-in-list', detail));
  const inSources = sources.map((source) => findAnchors(source, header.signer));
  const silent = sources.find((source) => findAnchors(source, header.signer).length === 0);
  if (silent) return bad(rejection('signer-not-in-previous', withTrusted(header, silent, isSastRole)));
  if (!shareOneKey([...inOwn, ...inSources.flat()])) return bad(rejection('signer-key-differs', detail));
  const certificate = inOwn.find((anchor) => anchor.certificate)?.certificate;
  const known = inSources.every((found) => found.some((anchor) => anchor.certificate));
  if (certificate === undefined || !known) return bad(rejection('signer-without-certificate', detail));
  if (!hasSast(inOwn)) return bad(rejection('signer-not-sast', `as ${rolesOf(inOwn)}: ${detail}`));
  const weak = inSources.find((found) => !hasSast(found));
  if (weak) return bad(rejection('previous-not-sast', `as ${rolesOf(weak)}: ${detail}`));
  return good(certificate);
}

function isSastRole(role: Role): boolean {
  return role === 'SAST';
}

function hasSast(anchors: readonly Anchor[]): boolean {
  return anchors.some(({ role }) => isSastRole(role));
}

function rolesOf(anchors: readonly Anchor[]): string {
  return [...new Set(anchors.map(({ role }) => role))].join(', ');
}

function describeSigner({ signer }: SignedHeader): string {
  return describeCertificate(nameHeaderSigner(signer));
}

/** Who signed, and whom it should have been. */
function withTrusted(
  header: SignedHeader,
  trusted: readonly Anchor[],
  fits: (role: Role) => boolean,
): string {
  const names = trusted
    .filter((anchor) => canSign(anchor) && fits(anchor.role))
    .map((anchor) => describeCertificate(nameAnchor(anchor)));
  const list = names.length === 0 ? 'nobody' : [...new Set(names)].join('; ');
  return `signed by ${describeSigner(header)}; trusted for this: ${list}`;
}

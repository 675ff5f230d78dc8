/**
 * Whom a phone believes as the signer of a file or of a list, asked in its order: CTL, then ITL, then a TVS whose own
 * certificate stands in its ITL with role 21 (domain.md §2). The signer is one certificate: issuer, serial and key.
 */
import { equalBytes } from '../../base/bytes.ts';
import { signsFiles, type Role } from '../../wire/role.ts';
import type { HeaderSigner } from '../../wire/signed-header.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { findAnchors, nameAnchor, nameHeaderSigner, sameSerial, shareOneKey, type Anchor } from './anchor.ts';
import { namesAttributes } from './name-text.ts';
import type { Held, HeldList, PhoneTrust } from './phone-trust.ts';
import { rejection, type CertificateName, type Rejection } from './verdict.ts';

/** What the signature is for: a trust list wants a SAST, any other file TFTP or CCM+TFTP. */
export type Use = 'list' | 'file';

export type Belief =
  | { readonly kind: 'believed'; readonly certificate: CertificateFacts; readonly roles: readonly Role[] }
  | { readonly kind: 'refused'; readonly failed: Rejection }
  /** Sources do not settle it. */
  | { readonly kind: 'open'; readonly failed: Rejection };

export function fits(use: Use, role: Role): boolean {
  return use === 'list' ? role === 'SAST' : signsFiles(role);
}

/** The anchors of a list that a phone believes for this use. */
export function anchorsFor(use: Use, list: HeldList | undefined): readonly Anchor[] {
  return (list?.anchors ?? []).filter(({ role }) => fits(use, role));
}

/** `undefined`: the list does not know the signer for this use, and the next source is asked. */
export function askList(list: HeldList | undefined, signer: HeaderSigner, use: Use): Belief | undefined {
  const found = findAnchors(anchorsFor(use, list), signer);
  if (found.length === 0) return undefined;
  if (!shareOneKey(found)) return { kind: 'refused', failed: rejection('signer-key-differs') };
  const certificate = found.find((anchor) => anchor.certificate)?.certificate;
  if (certificate === undefined) return { kind: 'open', failed: rejection('signer-without-certificate') };
  return { kind: 'believed', certificate, roles: found.map(({ role }) => role) };
}

/** `undefined`: the phone has no TVS to ask, because its ITL names none. */
export function askTvs(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  signer: HeaderSigner,
  use: Use,
): Belief | undefined {
  const servers = (held.itl?.anchors ?? []).filter(({ role }) => role === 'TVS');
  if (servers.length === 0) return undefined;
  if (phone.tvs === undefined) return { kind: 'open', failed: rejection('tvs-not-asked') };
  const answer = phone.tvs(signer.issuer, signer.serial);
  if (answer.kind === 'unreachable') return refused('tvs-unreachable');
  if (!servers.some(({ certificate }) => certificate && equalBytes(certificate.der, answer.server)))
    return refused('tvs-not-trusted');
  if (answer.kind === 'refused') return refused('tvs-refused');
  const certificate = crypto.readCertificate(answer.certificate);
  // An answer about another certificate vouches for nothing here.
  if (certificate === undefined || !isOf(certificate, signer)) return refused('tvs-refused');
  if (!answer.roles.some((role) => fits(use, role))) return refused('tvs-role');
  return { kind: 'believed', certificate, roles: answer.roles };
}

/** The signer as people should see it: with its fingerprint where one of the phone's lists holds the certificate. */
export function nameSigner(held: Held, signer: HeaderSigner, own: readonly Anchor[] = []): CertificateName {
  const known = findAnchors([...own, ...(held.ctl?.anchors ?? []), ...(held.itl?.anchors ?? [])], signer);
  const best = known.find(({ certificate }) => certificate) ?? known[0];
  return best ? nameAnchor(best) : nameHeaderSigner(signer);
}

function refused(code: Rejection['code']): Belief {
  return { kind: 'refused', failed: rejection(code) };
}

function isOf(certificate: CertificateFacts, signer: HeaderSigner): boolean {
  return (
    sameSerial(certificate.serial, signer.serial) &&
    namesAttributes(signer.issuer, certificate.issuerAttributes)
  );
}

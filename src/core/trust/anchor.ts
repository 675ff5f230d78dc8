/**
 * What somebody trusts, as anchors: a certificate and one role, from the records of a list or given by hand.
 * An anchor is found by issuer **and** serial, and believed by its certificate (security.md §2: "never serial alone").
 * Two anchors with one issuer and serial and different keys are for the caller to refuse.
 */
import { equalBytes } from '../../base/bytes.ts';
import { printable, toHex } from '../../base/text.ts';
import type { Role } from '../../wire/role.ts';
import type { HeaderSigner } from '../../wire/signed-header.ts';
import type { TrustList } from '../../wire/trust-list.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { canonicalNameText, isNameOf } from './name-text.ts';
import type { CertificateName } from './verdict.ts';

export interface Anchor {
  readonly role: Role;
  readonly subject: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
  /** Undefined where the record holds none, or none that can be read. */
  readonly certificate: CertificateFacts | undefined;
}

/** How a header names its signer, and how an anchor is looked up. */
export interface IssuerAndSerial {
  readonly issuer: string;
  readonly serial: Uint8Array;
}

/** One anchor for each record that names a certificate; 33-byte records name none. */
export function anchorsOfList(crypto: Crypto, list: TrustList): readonly Anchor[] {
  return list.records.flatMap(({ role, subject, issuer, serial, certificateDer }) => {
    const certificate = certificateDer && crypto.readCertificate(certificateDer);
    if (certificate) return [anchorOf(role, certificate)];
    if (issuer === undefined || serial === undefined) return [];
    return [{ role, subject: subject ?? '', issuer, serial, certificate: undefined }];
  });
}

export function anchorOf(role: Role, certificate: CertificateFacts): Anchor {
  return {
    role,
    subject: certificate.subject,
    issuer: certificate.issuer,
    serial: certificate.serial,
    certificate,
  };
}

/** Every anchor with this issuer (as a set of attributes) and serial (as a number). */
export function findAnchors(anchors: readonly Anchor[], wanted: IssuerAndSerial): readonly Anchor[] {
  const issuer = canonicalNameText(wanted.issuer);
  return anchors.filter((anchor) => {
    if (!sameSerial(anchor.serial, wanted.serial)) return false;
    const { certificate } = anchor;
    if (certificate && isNameOf(issuer, certificate.issuerAttributes)) return true;
    return canonicalNameText(anchor.issuer) === issuer;
  });
}

/** Serials are numbers: some writers keep the 00 that DER puts before a high bit. */
export function sameSerial(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(withoutLeadingZeros(a), withoutLeadingZeros(b));
}

export function sameKey(a: CertificateFacts, b: CertificateFacts): boolean {
  return equalBytes(a.publicKey.spki, b.publicKey.spki);
}

/** Do all that have a certificate have one key? */
export function shareOneKey(anchors: readonly Anchor[]): boolean {
  const certificates = anchors.flatMap(({ certificate }) => certificate ?? []);
  return certificates.every((certificate) => sameKey(certificate, certificates[0] ?? certificate));
}

/** Signed files know RSA only (formats.md §1, tag 10): an EC certificate with a TFTP role is for TLS. */
export function canSign({ certificate }: Anchor): boolean {
  return certificate?.publicKey.kind !== 'ec';
}

export function nameCertificate(certificate: CertificateFacts): CertificateName {
  const known = named.get(certificate);
  if (known !== undefined) return known;
  const { subject, issuer, serial, fingerprint } = certificate;
  const name = { subject, issuer, serial: toHex(serial, ':'), fingerprint };
  named.set(certificate, name);
  return name;
}

/** A value of its argument and nothing else; one judgement after the other names the same few. */
const named = new WeakMap<CertificateFacts, CertificateName>();

export function nameAnchor(anchor: Anchor): CertificateName {
  if (anchor.certificate) return nameCertificate(anchor.certificate);
  const { subject, issuer, serial } = anchor;
  return { subject, issuer, serial: toHex(serial, ':'), fingerprint: undefined };
}

/** Who a header says it was; nothing vouches for it. */
export function nameHeaderSigner(signer: HeaderSigner): CertificateName {
  const { name, issuer, serial } = signer;
  return { subject: name, issuer, serial: toHex(serial, ':'), fingerprint: undefined };
}

/** `CN=a (issuer CN=a, serial 0d:45, SHA-256 17af…)`, escaped. */
export function describeCertificate(name: CertificateName): string {
  const fingerprint = name.fingerprint === undefined ? '' : `, SHA-256 ${name.fingerprint}`;
  return `${printable(name.subject)} (issuer ${printable(name.issuer)}, serial ${name.serial}${fingerprint})`;
}

function withoutLeadingZeros(serial: Uint8Array): Uint8Array {
  let first = 0;
  while (first < serial.length - 1 && serial[first] === 0) first++;
  return serial.subarray(first);
}

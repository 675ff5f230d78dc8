/** Was a certificate issued and signed by another one that may issue any? node:crypto asks OpenSSL. */
import type { CertificateFacts } from '../core/ports.ts';
import { X509Certificate } from './vendor.ts';

export function isIssuedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  const [leaf, authority] = [new X509Certificate(certificate.der), new X509Certificate(issuer.der)];
  return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

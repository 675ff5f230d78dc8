/**
 * Does a client certificate name a device? The very certificate that was imported for it, or one whose common name is
 * the phone's (`CP-8861-SEPB000B4BA0AEE`) by an issuer of phone certificates that is known here, and not expired.
 */
import { equalBytes } from '../../base/bytes.ts';
import type { Device } from '../cluster/model.ts';
import type { CertificateFacts } from '../ports.ts';
import { deviceOf } from '../tvs/unknown-signers.ts';

export interface PhoneIssuers {
  /** CAPF certificates: our own and those of capf-trust. */
  readonly issuers: readonly CertificateFacts[];
  readonly isIssuedBy: (certificate: CertificateFacts, issuer: CertificateFacts) => boolean;
}

export function namesDevice(
  certificate: CertificateFacts,
  device: Device,
  { issuers, isIssuedBy }: PhoneIssuers,
  nowSeconds: number,
): boolean {
  if (nowSeconds < certificate.notBefore || nowSeconds > certificate.notAfter) return false;
  if (device.certificateDer && equalBytes(device.certificateDer, certificate.der)) return true;
  if (nameIn(certificate) !== device.name) return false;
  return issuers.some((issuer) => isIssuedBy(certificate, issuer));
}

/** The device that a certificate calls itself after; nobody has looked at who issued it. */
export function nameIn({ subjectAttributes }: CertificateFacts): string | undefined {
  const common = subjectAttributes.find(([type]) => type.toUpperCase() === 'CN')?.[1];
  return common === undefined ? undefined : deviceOf(common);
}

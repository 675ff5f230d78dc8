/**
 * Whether a certificate that another CA issued serves a purpose of ours: its key is of the profile's kind and its
 * extensions allow the use. An extension that is absent allows everything (RFC 5280 §4.2.1.3), one that is present
 * and says otherwise is a refusal here, before phones and TLS peers refuse later.
 */
import type { CertificatePurpose } from '../core/cluster/model.ts';
import type { CertificateFacts, Suitability } from '../core/ports.ts';
import { extendedUsage, keyUsageBit, readUsage } from './extensions.ts';
import { readProfile, type Profile } from './profile.ts';

export function judgeSuitability(
  purpose: CertificatePurpose,
  nodeName: string,
  certificate: CertificateFacts,
): Suitability {
  const profile = readProfile(purpose);
  const usage = readUsage(certificate);
  if (usage === undefined) return { reasons: ['its extensions cannot be read'], warnings: [] };
  const { certificateAuthority: isAuthority, keyUsage, extendedKeyUsage } = usage;
  const reasons: string[] = [];
  if (!hasKeyOf(profile, certificate)) reasons.push(`its key is not ${keyWords(profile)}`);
  if (isAuthority !== profile.certificateAuthority)
    reasons.push(isAuthority ? 'it is the certificate of a CA' : 'it is not the certificate of a CA');
  const needed = profile.certificateAuthority ? 'keyCertSign' : 'digitalSignature';
  if (keyUsage !== undefined && !keyUsage.has(keyUsageBit[needed]))
    reasons.push(`its key usage does not allow ${needed}`);
  const allowsServer = [extendedUsage.serverAuth, extendedUsage.any].some((id) =>
    extendedKeyUsage?.includes(id),
  );
  const isServer = profile.extendedKeyUsage.includes('serverAuth') && !profile.certificateAuthority;
  if (isServer && extendedKeyUsage !== undefined && !allowsServer)
    reasons.push('its extended key usage does not allow serverAuth');
  const warnings =
    profile.subjectAlternativeName && !namesHost(certificate, nodeName)
      ? [`its subject alternative names lack ${nodeName}`]
      : [];
  return { reasons, warnings };
}

/** By a subject alternative name. */
export function namesHost(certificate: CertificateFacts, host: string): boolean {
  const names = readUsage(certificate)?.hosts ?? [];
  return names.some((name) => name.toLowerCase() === host.toLowerCase());
}

function hasKeyOf({ key }: Profile, { publicKey }: CertificateFacts): boolean {
  return publicKey.kind === 'rsa'
    ? key.type === 'rsa' && publicKey.modulusBits === key.bits
    : key.type === 'ec' && opensslCurves[key.curve] === publicKey.curve;
}

/** X.509 names the curves of FIPS 186 as SEC 2 and ANSI X9.62 do, and so does OpenSSL. */
const opensslCurves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;

function keyWords({ key }: Profile): string {
  return key.type === 'rsa' ? `RSA of ${key.bits} bits` : `EC on ${key.curve}`;
}

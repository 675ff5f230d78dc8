/**
 * The `Issuer` port: a key and its self-signed certificate (RFC 5280) from the purpose's profile.
 * Key and certificate come from one call, and the certificate is read back by the strict reader and compared
 * with the key before anything is returned. The private key leaves only encrypted.
 */
import { isIP } from 'node:net';
import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import { toHex } from '../base/text.ts';
import type { Issued, Issuer, IssueRequest, NameAttributes } from '../core/ports.ts';
import { readCertificate } from './certificate.ts';
import { encryptPrivateKey } from './private-key.ts';
import { fillSubject, packagedProfiles, readProfile, type Profile } from './profile.ts';
import { KeyObject, loadX509, randomBytes, webcrypto, type JsonName } from './vendor.ts';

type X509 = Awaited<ReturnType<typeof loadX509>>;

export interface IssuerOptions {
  /** Encrypts every key that is made. */
  readonly passphrase: string;
  /** Another folder of profiles than the packaged one; ends with `/`. */
  readonly profiles?: URL;
}

export function createIssuer(options: IssuerOptions): Issuer {
  return {
    async issue(request): Promise<Issued> {
      const profile = readProfile(request.purpose, options.profiles ?? packagedProfiles);
      const x509 = await loadX509();
      const keys = await generateKeys(profile);
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        serialNumber: toHex(randomSerial()),
        name: encodeName(fillSubject(profile, subjectValues(request))),
        ...validity(profile, request.notBeforeMs),
        signingAlgorithm: { name: signatureName(profile), hash: hashNames[profile.hash] },
        keys,
        extensions: await extensions(x509, profile, request, keys.publicKey),
      });
      const facts = readCertificate(new Uint8Array(certificate.rawData));
      const spki = new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey));
      assert(
        facts !== undefined && equalBytes(facts.publicKey.spki, spki),
        'issued what cannot be read back',
      );
      return {
        certificate: facts,
        encryptedKeyPem: encryptPrivateKey(KeyObject.from(keys.privateKey), options.passphrase),
      };
    },
  };
}

const hashNames = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;

/**
 * CUCM's serials have 16 bytes. The first is 0x01–0x7f: positive, and nobody's parser has a zero to lose
 * (RFC 5280 §4.1.2.2; lists hold the raw bytes).
 */
function randomSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) % 0x7f) + 1;
  return serial;
}

function subjectValues(request: IssueRequest) {
  return { node: request.nodeName, cluster: request.clusterId, random: toHex(randomBytes(4)) };
}

function signatureName(profile: Profile): string {
  return profile.key.type === 'rsa' ? 'RSASSA-PKCS1-v1_5' : 'ECDSA';
}

function generateKeys(profile: Profile): Promise<webcrypto.CryptoKeyPair> {
  const { key } = profile;
  const algorithm =
    key.type === 'rsa'
      ? { modulusLength: key.bits, publicExponent: Uint8Array.of(1, 0, 1), hash: hashNames[profile.hash] }
      : { namedCurve: key.curve };
  return webcrypto.subtle.generateKey({ name: signatureName(profile), ...algorithm }, true, [
    'sign',
    'verify',
  ]);
}

function encodeName(attributes: NameAttributes): JsonName {
  return attributes.map(([type, value]) => ({ [type]: [value] }));
}

/** Whole seconds, as the format holds them; the end is the same day and time so many years later. */
function validity(profile: Profile, notBeforeMs: number): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor(notBeforeMs / 1000) * 1000);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notBefore.getUTCFullYear() + profile.validityYears);
  return { notBefore, notAfter };
}

async function extensions(x509: X509, profile: Profile, request: IssueRequest, key: webcrypto.CryptoKey) {
  const usages = profile.keyUsage.reduce((flags, usage) => flags | x509.KeyUsageFlags[usage], 0);
  const purposes = profile.extendedKeyUsage.map((usage) => x509.ExtendedKeyUsage[usage]);
  const type = isIP(request.nodeName) ? 'ip' : 'dns';
  return [
    new x509.BasicConstraintsExtension(
      profile.certificateAuthority,
      profile.certificateAuthority ? 0 : undefined,
      true,
    ),
    new x509.KeyUsagesExtension(usages, true),
    ...(purposes.length > 0 ? [new x509.ExtendedKeyUsageExtension(purposes)] : []),
    ...(profile.subjectAlternativeName
      ? [new x509.SubjectAlternativeNameExtension([{ type, value: request.nodeName }])]
      : []),
    await x509.SubjectKeyIdentifierExtension.create(key),
  ];
}

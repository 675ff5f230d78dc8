/**
 * The `Issuer` port: a key with its self-signed certificate (RFC 5280) or its request to another CA (PKCS#10,
 * RFC 2986), from the purpose's profile. @peculiar/x509 writes names, extensions and the certificate; the signature is
 * the key's own, wherever the key lives. What was made is read back by the strict reader and compared with the key
 * before anything is returned.
 */
import { isIP } from 'node:net';
import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import { toHex } from '../base/text.ts';
import type { Issued, Issuer, IssueRequest, NameAttributes } from '../core/ports.ts';
import { readCertificate } from './certificate.ts';
import { DerReader, derTag, encodeDer, encodeInteger, encodeObjectIdentifier, encodeSetOf } from './der.ts';
import type { FreshKey, KeyMaker } from './fresh-key.ts';
import { formatName } from './name.ts';
import { writePem } from './pem.ts';
import { fillSubject, packagedProfiles, readProfile, type Profile } from './profile.ts';
import { createHash, loadX509, randomBytes, type JsonName } from './vendor.ts';

type X509 = Awaited<ReturnType<typeof loadX509>>;

export interface IssuerOptions {
  /** Where keys are made. */
  readonly keys: KeyMaker;
  /** Another folder of profiles than the packaged one; ends with `/`. */
  readonly profiles?: URL;
}

export function createIssuer(options: IssuerOptions): Issuer {
  const { keys } = options;
  const prepare = async (request: IssueRequest) => {
    const profile = readProfile(request.purpose, options.profiles ?? packagedProfiles);
    const subject = fillSubject(profile, subjectValues(request));
    return { profile, subject, key: await keys.make(request.purpose, profile.key), x509: await loadX509() };
  };
  return {
    async issue(request): Promise<Issued> {
      const { profile, subject, key, x509 } = await prepare(request);
      const unsigned = await x509.X509CertificateGenerator.create({
        serialNumber: toHex(randomSerial()),
        subject: encodeName(subject),
        issuer: encodeName(subject),
        ...validity(profile, request.notBeforeMs),
        publicKey: Uint8Array.from(key.spki),
        signingAlgorithm: signatureAlgorithm(profile),
        signature: new ArrayBuffer(signaturePlaceholderBytes),
        extensions: await extensions(x509, profile, request, key),
      });
      const facts = readCertificate(await signAnew(new Uint8Array(unsigned.rawData), profile, key));
      assert(
        facts !== undefined && equalBytes(facts.publicKey.spki, key.spki),
        'issued what cannot be read back',
      );
      return { certificate: facts, encryptedKeyPem: key.atRest };
    },
    async request(request) {
      const { profile, subject, key, x509 } = await prepare(request);
      const name = new x509.Name(encodeName(subject)).toArrayBuffer();
      const asked = (await extensions(x509, profile, request, key)).map(
        ({ rawData }) => new Uint8Array(rawData),
      );
      // RFC 2986 §4.1, with the extensions as RFC 2985 §5.4.2 asks for them.
      const attribute = sequence(encodeObjectIdentifier(extensionRequest), encodeSetOf(sequence(...asked)));
      const info = sequence(
        encodeInteger(0),
        new Uint8Array(name),
        key.spki,
        encodeDer(derTag.explicit0, attribute),
      );
      const der = sequence(info, algorithmIdentifier(profile), await signatureBits(info, profile, key));
      return {
        requestPem: writePem('CERTIFICATE REQUEST', der),
        subject: formatName(subject),
        keyId: createHash('sha256').update(key.spki).digest('hex'),
        encryptedKeyPem: key.atRest,
      };
    },
  };
}

const extensionRequest = '1.2.840.113549.1.9.14';

/** An RSA-2048 signature has 256 bytes; what stands there until the key has signed means nothing. */
const signaturePlaceholderBytes = 256;

/** The same certificate with the key's own signature in the place of the last element. */
async function signAnew(unsigned: Uint8Array, profile: Profile, key: FreshKey): Promise<Uint8Array> {
  const certificate = new DerReader(unsigned).sequence();
  const tbs = certificate.expect(derTag.sequence).whole;
  const algorithm = certificate.expect(derTag.sequence).whole;
  return sequence(tbs, algorithm, await signatureBits(tbs, profile, key));
}

async function signatureBits(bytes: Uint8Array, profile: Profile, key: FreshKey): Promise<Uint8Array> {
  return encodeDer(derTag.bitString, Uint8Array.of(0), await key.sign(profile.hash, bytes));
}

const rsaSignatures = {
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
};
const ecdsaSignatures = {
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

/** RFC 4055 §5: RSA's parameters are NULL; RFC 5758 §3.2: ECDSA has none. */
function algorithmIdentifier({ key, hash }: Profile): Uint8Array {
  return key.type === 'rsa'
    ? sequence(encodeObjectIdentifier(rsaSignatures[hash]), encodeDer(derTag.null))
    : sequence(encodeObjectIdentifier(ecdsaSignatures[hash]));
}

function signatureAlgorithm({ key, hash }: Profile) {
  return key.type === 'rsa'
    ? { name: 'RSASSA-PKCS1-v1_5', hash: hashNames[hash] }
    : { name: 'ECDSA', namedCurve: key.curve, hash: hashNames[hash] };
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(derTag.sequence, ...parts);
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

async function extensions(x509: X509, profile: Profile, request: IssueRequest, { spki }: FreshKey) {
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
    await x509.SubjectKeyIdentifierExtension.create(Uint8Array.from(spki)),
  ];
}

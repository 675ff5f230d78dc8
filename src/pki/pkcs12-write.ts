/**
 * PKCS#12 (RFC 7292) as every current program reads it: PBES2 with AES-256 around certificates and keys, a MAC with
 * SHA-256, DER throughout (pkijs would write split octet strings). A certificate without a key carries Oracle's
 * trusted-key attribute, without which keytool does not list it. Refuses to write nothing, and passphrases
 * beyond printable ASCII, which programs encode differently.
 */
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import { keyIterations } from '../base/limits.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { derTag, encodeDer, encodeInteger, encodeObjectIdentifier, encodeSetOf } from './der.ts';
import { encryptPbes2 } from './pbes2.ts';
import { macPkcs12 } from './pkcs12-mac.ts';
import { pkcs12Oid } from './pkcs12-oid.ts';
import { encryptPkcs8, readPrivateKey } from './private-key.ts';
import { createHash, randomBytes } from './vendor.ts';

export interface Pkcs12Entry {
  readonly certificate: CertificateFacts;
  readonly friendlyName: string;
  /** With its private key: PEM as it lies in the key file, and what opens it. */
  readonly key?: { readonly encryptedPem: string; readonly passphrase: string };
}

/**
 * `iterations` of the content and the MAC; a key bag keeps its own. Failure `refused` for the passphrase,
 * `passphrase-wrong` when a key's own passphrase does not open it.
 */
export function writePkcs12(
  entries: readonly Pkcs12Entry[],
  passphrase: string,
  iterations: number = keyIterations,
): Uint8Array {
  assert(entries.length > 0, 'a PKCS#12 file holds something');
  if (!/^[\x20-\x7e]+$/.test(passphrase))
    throw new Failure('refused', 'the passphrase of a PKCS#12 file is printable ASCII', {
      hint: 'Other programs turn other characters into other bytes and would not open the file.',
    });
  const keys = entries.flatMap((entry) => (entry.key ? [keyBag(entry, entry.key, passphrase)] : []));
  const contents = sequence(
    encryptedContent(sequence(...entries.map(certificateBag)), passphrase, iterations),
    ...(keys.length > 0 ? [plainContent(sequence(...keys))] : []),
  );
  return sequence(encodeInteger(3), plainContent(contents), authenticate(contents, passphrase, iterations));
}

/** RFC 7292 §4.2.3. */
function certificateBag(entry: Pkcs12Entry): Uint8Array {
  const value = sequence(
    encodeObjectIdentifier(pkcs12Oid.x509Certificate),
    explicit(encodeDer(derTag.octetString, entry.certificate.der)),
  );
  const mark = entry.key
    ? localKeyId(entry.certificate)
    : attribute(pkcs12Oid.trustedKeyUsage, encodeObjectIdentifier(pkcs12Oid.anyExtendedKeyUsage));
  const attributes = encodeSetOf(friendlyName(entry.friendlyName), mark);
  return sequence(encodeObjectIdentifier(pkcs12Oid.certBag), explicit(value), attributes);
}

/** RFC 7292 §4.2.2: the bag's value is a PKCS#8 EncryptedPrivateKeyInfo. */
function keyBag(entry: Pkcs12Entry, key: NonNullable<Pkcs12Entry['key']>, passphrase: string): Uint8Array {
  const encrypted = encryptPkcs8(readPrivateKey(key.encryptedPem, key.passphrase), passphrase);
  const attributes = encodeSetOf(friendlyName(entry.friendlyName), localKeyId(entry.certificate));
  return sequence(encodeObjectIdentifier(pkcs12Oid.shroudedKeyBag), explicit(encrypted), attributes);
}

function friendlyName(name: string): Uint8Array {
  const units = Array.from({ length: name.length }, (_, i) => name.charCodeAt(i));
  const text = Uint8Array.from(units.flatMap((unit) => [unit >> 8, unit & 0xff]));
  return attribute(pkcs12Oid.friendlyName, encodeDer(derTag.bmpString, text));
}

/** Joins a key to its certificate; by habit the certificate's SHA-1. */
function localKeyId(certificate: CertificateFacts): Uint8Array {
  const digest = createHash('sha1').update(certificate.der).digest();
  return attribute(pkcs12Oid.localKeyId, encodeDer(derTag.octetString, digest));
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(encodeObjectIdentifier(type), encodeSetOf(value));
}

/** RFC 5652 §4 and §8. */
function plainContent(content: Uint8Array): Uint8Array {
  return sequence(encodeObjectIdentifier(pkcs12Oid.data), explicit(encodeDer(derTag.octetString, content)));
}

function encryptedContent(content: Uint8Array, passphrase: string, iterations: number): Uint8Array {
  const { scheme, bytes } = encryptPbes2(content, passphrase, iterations);
  const info = sequence(encodeObjectIdentifier(pkcs12Oid.data), scheme, encodeDer(derTag.implicit0, bytes));
  return sequence(
    encodeObjectIdentifier(pkcs12Oid.encryptedData),
    explicit(sequence(encodeInteger(0), info)),
  );
}

/** MacData (RFC 7292 §4): as many rounds as the encryption, or guessing the passphrase would be cheaper here. */
function authenticate(contents: Uint8Array, passphrase: string, iterations: number): Uint8Array {
  const salt = randomBytes(16);
  const digest = macPkcs12(contents, { hash: 'sha256', salt, iterations, passphrase });
  const algorithm = sequence(encodeObjectIdentifier(pkcs12Oid.sha256), encodeDer(derTag.null));
  const mac = sequence(algorithm, encodeDer(derTag.octetString, digest));
  return sequence(mac, encodeDer(derTag.octetString, salt), encodeInteger(iterations));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(derTag.sequence, ...parts);
}

function explicit(content: Uint8Array): Uint8Array {
  return encodeDer(derTag.explicit0, content);
}

/**
 * Certificates (RFC 5280 §4.1) into the facts the product needs. Total: bytes that are not exactly one
 * certificate with an RSA or EC key give `undefined`. Refuses BER, trailing bytes, an inner signature algorithm
 * that differs from the outer one, names with NUL, and keys that OpenSSL will not load.
 * Two readers must agree that it is a certificate: ours, which takes the fields, and OpenSSL's, which
 * also walks the extensions.
 */
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { certificateBytesMax, certificatesPerFileMax } from '../base/limits.ts';
import { decodeLatin1 } from '../base/text.ts';
import type { CertificateFacts, PublicKeyFacts } from '../core/ports.ts';
import {
  DerError,
  DerReader,
  derTag,
  integerContent,
  objectIdentifier,
  positiveInteger,
  timeSeconds,
  wholeBytes,
  type DerElement,
} from './der.ts';
import { formatName, readName } from './name.ts';
import { readPemBlocks } from './pem.ts';
import { createHash, createPublicKey, X509Certificate, type KeyObject } from './vendor.ts';

const rsaEncryption = '1.2.840.113549.1.1.1';
const ecPublicKey = '1.2.840.10045.2.1';

/** Facts of one DER certificate; `undefined` for anything else. The facts hold a copy of the bytes. */
export function readCertificate(bytes: Uint8Array): CertificateFacts | undefined {
  if (bytes.length > certificateBytesMax) return undefined;
  const der = Uint8Array.from(bytes);
  try {
    const facts = readFields(der);
    return opensslReads(der) ? facts : undefined;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** Every certificate of a PEM file in its order, or the one of a DER file. Failure `format` when there is none. */
export function readCertificateFile(bytes: Uint8Array): readonly CertificateFacts[] {
  const single = readCertificate(bytes);
  if (single) return [single];
  const blocks = readPemBlocks(decodeLatin1(bytes)).filter((block) => block.label === 'CERTIFICATE');
  if (blocks.length > certificatesPerFileMax)
    throw new Failure('format', `more than ${certificatesPerFileMax} certificates in one file`);
  const certificates = blocks.map((block, index) => {
    const facts = readCertificate(block.bytes);
    if (!facts) throw new Failure('format', `certificate ${index + 1} of the file cannot be read`);
    return facts;
  });
  if (certificates.length === 0)
    throw new Failure('format', 'no certificate found', {
      hint: 'Give a DER certificate or a PEM file with BEGIN CERTIFICATE.',
    });
  return certificates;
}

function readFields(der: Uint8Array): CertificateFacts {
  const outer = new DerReader(der);
  const certificate = outer.sequence();
  outer.end();
  const tbs = certificate.sequence();
  const algorithm = certificate.expect(derTag.sequence);
  const signature = wholeBytes(certificate.expect(derTag.bitString));
  certificate.end();

  if (tbs.peekTag() === derTag.explicit0) tbs.any();
  const serial = readSerial(tbs.expect(derTag.integer));
  // RFC 5280 §4.1.1.2: both algorithm fields are the same; the inner one is what the issuer signed.
  if (!equalBytes(tbs.expect(derTag.sequence).whole, algorithm.whole))
    throw new DerError('two signature algorithms');
  const issuerAttributes = readName(tbs.expect(derTag.sequence));
  const validity = tbs.sequence();
  const notBefore = timeSeconds(validity.any());
  const notAfter = timeSeconds(validity.any());
  validity.end();
  const subjectAttributes = readName(tbs.expect(derTag.sequence));
  const publicKey = readPublicKey(tbs.expect(derTag.sequence));

  return {
    der,
    subject: formatName(subjectAttributes),
    issuer: formatName(issuerAttributes),
    subjectAttributes,
    issuerAttributes,
    serial,
    publicKey,
    signature,
    notBefore,
    notAfter,
    fingerprint: createHash('sha256').update(der).digest('hex'),
  };
}

/** Issuers exist that write negative serials; those keep their bytes (openssl shows them with a minus). */
function readSerial(element: DerElement): Uint8Array {
  const content = integerContent(element);
  return content[0] === 0 && content.length > 1 ? content.subarray(1) : content;
}

/** Facts of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279 §2.3, RFC 5480). */
export function readPublicKey(spki: DerElement): PublicKeyFacts {
  const info = new DerReader(spki.content);
  const algorithm = info.sequence();
  const type = objectIdentifier(algorithm.expect(derTag.objectIdentifier));
  const key = wholeBytes(info.expect(derTag.bitString));
  info.end();
  if (type === rsaEncryption) {
    const rsa = new DerReader(key);
    const numbers = rsa.sequence();
    rsa.end();
    positiveInteger(numbers.expect(derTag.integer));
    positiveInteger(numbers.expect(derTag.integer));
    numbers.end();
    const modulusBits = loadPublicKey(spki.whole).asymmetricKeyDetails?.modulusLength;
    if (modulusBits === undefined) throw new DerError('an RSA key without a modulus');
    return { kind: 'rsa', modulusBits, pkcs1: key, spki: spki.whole };
  }
  if (type === ecPublicKey) {
    const curve = loadPublicKey(spki.whole).asymmetricKeyDetails?.namedCurve;
    // A list's PUBLIC KEY item is the uncompressed point (formats.md §3).
    if (curve === undefined || key[0] !== 0x04)
      throw new DerError('not an uncompressed point on a named curve');
    return { kind: 'ec', curve, point: key, spki: spki.whole };
  }
  throw new DerError('neither an RSA nor an EC key');
}

function loadPublicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (error) {
    throw new DerError('OpenSSL does not load the key', { cause: error });
  }
}

function opensslReads(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).raw.length === der.length;
  } catch (error) {
    // OpenSSL's refusal is the answer; anything but its own error would be ours.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

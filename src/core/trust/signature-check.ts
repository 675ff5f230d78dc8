/**
 * Hash and key policy, then the signature (security.md §2): RSA PKCS#1 v1.5 of exactly the modulus length.
 * The Crypto port alone decides that a signature holds; explainSignature only says why one does not.
 */
import { signerRsaBitsMin } from '../../base/limits.ts';
import { hashOfCode, modulusBytesOfCode, rsaSignatureCode } from '../../wire/algorithm.ts';
import { toBeSigned, type SignedHeader } from '../../wire/signed-header.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { explainSignature } from './signature-explain.ts';
import { rejection, type Rejection } from './verdict.ts';

export interface Policy {
  readonly allowSha1: boolean;
  /** Of the signer's key; records may hold shorter ones. */
  readonly minRsaBits: number;
}

/** SHA-1 is what every phone takes; what is below 2048 bits only by a named choice. */
export const defaultPolicy: Policy = { allowSha1: true, minRsaBits: signerRsaBitsMin };

/** What a phone asks of algorithms: that it knows them. */
export const phonePolicy: Policy = { allowSha1: true, minRsaBits: 0 };

export function checkPolicy(
  header: SignedHeader,
  certificate: CertificateFacts,
  policy: Policy,
): Rejection | undefined {
  const hash = hashOfCode(header.digestCode);
  if (hash === undefined) return rejection('hash-unknown', `code ${header.digestCode}`);
  if (hash === 'sha1' && !policy.allowSha1) return rejection('hash-below-policy');
  if (header.signatureAlgorithmCode !== rsaSignatureCode)
    return rejection('signature-algorithm-unknown', `code ${header.signatureAlgorithmCode}`);
  const key = certificate.publicKey;
  if (key.kind !== 'rsa') return rejection('signer-key-not-rsa', key.curve);
  const codeBytes = modulusBytesOfCode(header.modulusCode);
  if (codeBytes === undefined) return rejection('modulus-code-unknown', `code ${header.modulusCode}`);
  const keyBytes = Math.ceil(key.modulusBits / 8);
  if (codeBytes !== keyBytes)
    return rejection('modulus-code-differs', `the code says ${codeBytes} bytes, the key has ${keyBytes}`);
  if (key.modulusBits < policy.minRsaBits)
    return rejection('signer-key-short', `${key.modulusBits} bits, at least ${policy.minRsaBits}`);
  if (header.signature.length !== keyBytes)
    return rejection('signature-length', `${header.signature.length} bytes, the modulus has ${keyBytes}`);
  return undefined;
}

/** To be called after checkPolicy accepted header and certificate. */
export function checkSignature(
  crypto: Crypto,
  bytes: Uint8Array,
  header: SignedHeader,
  certificate: CertificateFacts,
): Rejection | undefined {
  const hash = hashOfCode(header.digestCode);
  const key = certificate.publicKey;
  if (hash === undefined) return rejection('hash-unknown', `code ${header.digestCode}`);
  if (key.kind !== 'rsa') return rejection('signer-key-not-rsa', key.curve);
  if (crypto.verifyRsa(key.spki, hash, toBeSigned(bytes, header), header.signature)) return undefined;
  return rejection(explainSignature(key.pkcs1, hash, header.signature));
}

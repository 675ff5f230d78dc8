/**
 * The `Crypto` port on node:crypto. Signatures are RSA PKCS#1 v1.5 (RFC 8017 §8.2.2) and nothing else:
 * refused are PSS, a signature that is not exactly as long as the modulus (short padding, s + n written longer),
 * keys that are not RSA, public exponents below 3, keys of more than rsaBitsMax. Never throws on bytes from
 * outside. node-forge must never do this (it accepts 56 of the public invalid vectors).
 */
import { LRUCache } from 'lru-cache';
import { publicKeysCachedMax, rsaBitsMax } from '../base/limits.ts';
import type { CertificateFacts, Crypto, StreamVerifier } from '../core/ports.ts';
import { readCertificate } from './certificate.ts';
import { constants, createHash, createPublicKey, createVerify, type KeyObject } from './vendor.ts';

interface LoadedKey {
  readonly key: KeyObject;
  readonly modulusBytes: number;
}

/**
 * A verifier with its own caches: to read a certificate takes 0.3 ms, to load a key as long as to verify with it,
 * and a cluster's files name the same few again and again. What is not one is not remembered.
 */
export function createVerifier(): Crypto & StreamVerifier {
  const keys = new LRUCache<string, LoadedKey>({ max: publicKeysCachedMax });
  const certificates = new LRUCache<string, CertificateFacts>({ max: publicKeysCachedMax });
  const load = remember(keys, loadRsaKey);

  return {
    readCertificate: remember(certificates, readCertificate),
    verifyRsa(spki, hash, parts, signature) {
      const loaded = load(spki);
      if (!loaded || signature.length !== loaded.modulusBytes) return false;
      const verify = createVerify(hash);
      for (const part of parts) verify.update(part);
      return verify.verify({ key: loaded.key, padding: constants.RSA_PKCS1_PADDING }, signature);
    },
    async verifyRsaStream(spki, hash, head, rest, signature) {
      const loaded = load(spki);
      if (!loaded || signature.length !== loaded.modulusBytes) return false;
      const verify = createVerify(hash);
      for (const part of head) verify.update(part);
      for await (const part of rest) verify.update(part);
      return verify.verify({ key: loaded.key, padding: constants.RSA_PKCS1_PADDING }, signature);
    },
    digest: (hash, data) => Uint8Array.from(createHash(hash).update(data).digest()),
  };
}

function remember<T extends object>(cache: LRUCache<string, T>, read: (bytes: Uint8Array) => T | undefined) {
  return (bytes: Uint8Array): T | undefined => {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const known = cache.get(name);
    if (known) return known;
    const value = read(bytes);
    if (value) cache.set(name, value);
    return value;
  };
}

function loadRsaKey(spki: Uint8Array): LoadedKey | undefined {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (error) {
    // node:crypto's word for "these bytes are no key"; an error without a code would be a bug of ours.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  // An RSA-PSS key has the same details but forbids PKCS#1 v1.5.
  if (key.asymmetricKeyType !== 'rsa' || modulusLength === undefined || publicExponent === undefined)
    return undefined;
  if (modulusLength > rsaBitsMax || publicExponent < 3n) return undefined;
  return { key, modulusBytes: Math.ceil(modulusLength / 8) };
}

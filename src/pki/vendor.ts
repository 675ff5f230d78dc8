/**
 * The only importer of crypto packages: everything cryptographic enters the product through this file,
 * so that an audit of what is used, and a change of it, happens here. node:crypto signs and verifies;
 * @peculiar/x509 only writes certificates (its verify() answers false without a reason for MD5 and DSA).
 * Packages are loaded on demand: most commands read and verify and never pay for them.
 */
import type * as X509 from '@peculiar/x509';
import type * as Forge from 'node-forge';
import type * as Pkcs11 from 'pkcs11js';
import type * as Pkijs from 'pkijs';

export type { JsonName } from '@peculiar/x509';

export {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createVerify,
  constants,
  generateKeyPair,
  hash,
  KeyObject,
  pbkdf2Sync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  webcrypto,
  X509Certificate,
} from 'node:crypto';

/** tsyringe inside @peculiar/x509 needs reflect-metadata loaded before it. */
export async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** PKCS#12 and chains. Its engine is passed to each call: no global of its is set. */
export async function loadPkijs(): Promise<typeof Pkijs> {
  return import('pkijs');
}

/** RC2 and the key derivation around it, for `--legacy`; it must never verify anything. */
export async function loadForge(): Promise<typeof Forge> {
  // A CommonJS package: its exports are the default.
  return (await import('node-forge')).default;
}

/** Optional: absent where npm could not build it, and then a Failure of the caller. */
export async function loadPkcs11(): Promise<typeof Pkcs11> {
  return (await import('pkcs11js')).default;
}

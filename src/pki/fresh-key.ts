/**
 * A key that was just made, for as long as its certificate or request is made: it signs once, and comes with the text
 * in which it lies at rest. Software keys leave only encrypted; keys of a token are a reference (token-key.ts).
 */
import { promisify } from 'node:util';
import type { CertificatePurpose } from '../core/cluster/model.ts';
import { encryptPrivateKey } from './private-key.ts';
import type { Profile } from './profile.ts';
import { generateKeyPair, sign, type KeyObject } from './vendor.ts';

export interface FreshKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** As certificates hold it: RSA PKCS#1 v1.5, or the DER of an ECDSA signature. */
  sign(hash: Profile['hash'], bytes: Uint8Array): Promise<Uint8Array>;
  /** The text for the key file. */
  readonly atRest: string;
}

export interface KeyMaker {
  make(purpose: CertificatePurpose, key: Profile['key']): Promise<FreshKey>;
}

const generate = promisify(generateKeyPair);
const signInPool = promisify(sign);

/** `passphrase` encrypts every key that is made. */
export function createSoftwareKeys(passphrase: string): KeyMaker {
  return {
    async make(_purpose, key) {
      const { publicKey, privateKey } = await generatePair(key);
      return {
        spki: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
        sign: async (hash, bytes) => Uint8Array.from(await signInPool(hash, bytes, privateKey)),
        atRest: encryptPrivateKey(privateKey, passphrase),
      };
    },
  };
}

function generatePair(key: Profile['key']): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return key.type === 'rsa'
    ? generate('rsa', { modulusLength: key.bits, publicExponent: 65_537 })
    : generate('ec', { namedCurve: key.curve });
}

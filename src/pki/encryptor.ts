/**
 * The `Encryptor` and `Decryptor` ports on node:crypto: AES-128-CBC, its key wrapped by RSA PKCS#1 v1.5 (RFC 8017 §7.2),
 * as phones unwrap it (formats.md §2).
 * Refuses EC keys and RSA outside 1024 to 4096 bits; a wrapped key whose padding is not exactly that of §7.2.2.
 *
 * The padding is taken off here because Node 20 unwraps PKCS#1 v1.5 no more: as a server that answers strangers it would
 * be an oracle. This one is asked by the owner of the key about a file in his hands.
 */
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { CertificateFacts, Decryptor, Encryptor } from '../core/ports.ts';
import { blockBytes } from '../wire/encrypted-file.ts';
import { readPrivateKey } from './private-key.ts';
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from './vendor.ts';

const algorithm = 'aes-128-cbc';
const contentKeyBytes = 16;
/** KEY BITS and a phone's key store end there; below, a configuration would be readable by factoring. */
const keyBitsMin = 1_024;
const keyBitsMax = 4_096;

export function createEncryptor(): Encryptor {
  return {
    encrypt(filled, recipient) {
      const key = publicKeyOf(recipient);
      const contentKey = randomBytes(contentKeyBytes);
      const iv = randomBytes(blockBytes);
      const cipher = createCipheriv(algorithm, contentKey, iv).setAutoPadding(false);
      const ciphertext = Buffer.concat([cipher.update(filled), cipher.final()]);
      const wrappedKey = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey);
      contentKey.fill(0);
      return {
        iv: Uint8Array.from(iv),
        wrappedKey: Uint8Array.from(wrappedKey),
        ciphertext: Uint8Array.from(ciphertext),
      };
    },
  };
}

/** From PEM with a phone's private key. Failure `passphrase-wrong`, `format`, or `refused` for a key that is not RSA. */
export function createDecryptor(pem: string, passphrase?: string): Decryptor {
  const key = readPrivateKey(pem, passphrase);
  const modulusBits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType !== 'rsa' || modulusBits === undefined)
    throw new Failure('refused', 'configurations are encrypted to RSA keys, and this is none');
  return {
    modulusBits,
    decrypt({ iv, wrappedKey, ciphertext }) {
      if (iv.length !== blockBytes || ciphertext.length === 0 || ciphertext.length % blockBytes !== 0)
        return undefined;
      const contentKey = unwrap(key, wrappedKey, Math.ceil(modulusBits / 8));
      if (contentKey === undefined) return undefined;
      const decipher = createDecipheriv(algorithm, contentKey, iv).setAutoPadding(false);
      return Uint8Array.from(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    },
  };
}

function publicKeyOf({ publicKey, subject }: CertificateFacts): KeyObject {
  const bits = publicKey.kind === 'rsa' ? publicKey.modulusBits : 0;
  if (bits < keyBitsMin || bits > keyBitsMax || bits % 8 !== 0)
    throw new Failure(
      'refused',
      `no configuration can be encrypted to ${printable(subject)}: it has no RSA key of ${keyBitsMin} to ${keyBitsMax} bits`,
      { hint: 'Import the certificate of the phone that has an RSA key, its LSC or its MIC.' },
    );
  return createPublicKey({ key: Buffer.from(publicKey.spki), format: 'der', type: 'spki' });
}

/** EM = 00 02 PS 00 M with at least 8 bytes of PS, none of them 0 (RFC 8017 §7.2.2). */
function unwrap(key: KeyObject, wrappedKey: Uint8Array, modulusBytes: number): Uint8Array | undefined {
  if (wrappedKey.length !== modulusBytes) return undefined;
  const message = rawRsa(key, wrappedKey);
  if (message?.[0] !== 0 || message[1] !== 2) return undefined;
  const end = message.indexOf(0, 2);
  if (end < 2 + 8 || message.length - end - 1 !== contentKeyBytes) return undefined;
  return message.subarray(end + 1);
}

function rawRsa(key: KeyObject, wrappedKey: Uint8Array): Uint8Array | undefined {
  try {
    return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrappedKey);
  } catch (error) {
    // A number above the modulus; without a code it would be a bug of ours.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

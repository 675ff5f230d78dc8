/**
 * Private keys at rest: PKCS#8 (RFC 5958), encrypted. Reading takes every form OpenSSL reads.
 * Refuses to write one in the clear.
 */
import { Failure } from '../base/errors.ts';
import { keyIterations, randomKeyIterations } from '../base/limits.ts';
import { derTag, encodeDer } from './der.ts';
import { encryptPbes2 } from './pbes2.ts';
import { readPemBlocks, writePem } from './pem.ts';
import { createPrivateKey, randomBytes, type KeyObject } from './vendor.ts';

/** What stands in the key file of a key that lives in a token (token-key.ts). */
export const tokenReferenceLabel = 'PKCS11 KEY REFERENCE';
const keyLabel = /^(ENCRYPTED |RSA |EC |)PRIVATE KEY$/;

/** EncryptedPrivateKeyInfo, DER. */
export function encryptPkcs8(key: KeyObject, passphrase: string): Uint8Array {
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const rounds = randomForm.test(passphrase) ? randomKeyIterations : keyIterations;
  const { scheme, bytes } = encryptPbes2(plain, passphrase, rounds);
  plain.fill(0);
  return encodeDer(derTag.sequence, scheme, encodeDer(derTag.octetString, bytes));
}

/** PEM of the encrypted key, readable by `openssl pkcs8`. */
export function encryptPrivateKey(key: KeyObject, passphrase: string): string {
  return writePem('ENCRYPTED PRIVATE KEY', encryptPkcs8(key, passphrase));
}

/**
 * The first private key of a PEM text. Failure `passphrase-wrong` when it is encrypted and the passphrase
 * is missing or does not open it, `refused` when it is in a token, `format` when there is no key or it is damaged.
 */
export function readPrivateKey(pem: string, passphrase?: string): KeyObject {
  const blocks = readPemBlocks(pem);
  if (blocks.some(({ label }) => label === tokenReferenceLabel)) throw keyInToken();
  const block = blocks.find(({ label }) => keyLabel.test(label));
  if (!block)
    throw new Failure('format', 'no private key found', {
      hint: 'Give a PEM file with BEGIN PRIVATE KEY or BEGIN ENCRYPTED PRIVATE KEY.',
    });
  const encrypted = block.label.startsWith('ENCRYPTED') || block.text.includes('Proc-Type: 4,ENCRYPTED');
  if (encrypted && passphrase === undefined)
    throw new Failure('passphrase-wrong', 'the private key is encrypted and no passphrase was given', {
      hint: 'Name the file that holds it with --passphrase-file.',
    });
  try {
    return createPrivateKey({ key: block.text, ...(encrypted ? { passphrase } : {}) });
  } catch (cause) {
    // A wrong passphrase shows as bad padding or, once in 256, as bytes that are no key: not to be told apart.
    if (encrypted)
      throw new Failure('passphrase-wrong', 'the passphrase does not open the private key', { cause });
    throw new Failure('format', 'the private key cannot be read', { cause });
  }
}

export function keyInToken(): Failure {
  return new Failure('refused', 'the private key is in a token and does not leave it', {
    hint: 'Back it up with the tools of the token. What signs with it needs keys.pkcs11 in tftp-pki.yaml.',
  });
}

/** Told by its form from what a person makes up, which needs the rounds. */
const randomForm = /^random-[\w-]{43}$/;

/** A passphrase nobody has to remember: 256 random bits, printable. */
export function randomPassphrase(): string {
  return `random-${randomBytes(32).toString('base64url')}`;
}

/**
 * Private keys at rest: PKCS#8 (RFC 5958) encrypted with PBES2 (RFC 8018), PBKDF2-HMAC-SHA-256 and AES-256-CBC.
 * node:crypto's own export stops at 2,048 iterations, too few for a passphrase that a person made up,
 * so the envelope is written here and the cipher is node's. Reading takes every form OpenSSL reads.
 */
import { concatBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { keyIterations } from '../base/limits.ts';
import { derTag, encodeDer, encodeObjectIdentifier } from './der.ts';
import { readPemBlocks, writePem } from './pem.ts';
import { createCipheriv, createPrivateKey, pbkdf2Sync, randomBytes, type KeyObject } from './vendor.ts';

const pbes2 = '1.2.840.113549.1.5.13';
const pbkdf2 = '1.2.840.113549.1.5.12';
const hmacWithSha256 = '1.2.840.113549.2.9';
const aes256Cbc = '2.16.840.1.101.3.4.1.42';

const saltBytes = 16;
const keyLabel = /^(ENCRYPTED |RSA |EC |)PRIVATE KEY$/;

/** PEM of the encrypted key, readable by `openssl pkcs8`. */
export function encryptPrivateKey(key: KeyObject, passphrase: string): string {
  const salt = randomBytes(saltBytes);
  const iv = randomBytes(16);
  const secret = pbkdf2Sync(passphrase, salt, keyIterations, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', secret, iv);
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const encrypted = concatBytes(cipher.update(plain), cipher.final());
  plain.fill(0);
  secret.fill(0);
  const sequence = (...parts: Uint8Array[]) => encodeDer(derTag.sequence, ...parts);
  const derivation = sequence(
    encodeDer(derTag.octetString, salt),
    encodeDer(derTag.integer, integerBytes(keyIterations)),
    sequence(encodeObjectIdentifier(hmacWithSha256), encodeDer(derTag.null)),
  );
  const scheme = sequence(
    encodeObjectIdentifier(pbes2),
    sequence(
      sequence(encodeObjectIdentifier(pbkdf2), derivation),
      sequence(encodeObjectIdentifier(aes256Cbc), encodeDer(derTag.octetString, iv)),
    ),
  );
  return writePem('ENCRYPTED PRIVATE KEY', sequence(scheme, encodeDer(derTag.octetString, encrypted)));
}

/**
 * The first private key of a PEM text. Failure `passphrase-wrong` when it is encrypted and the passphrase
 * is missing or does not open it, `format` when there is no key or it is damaged.
 */
export function readPrivateKey(pem: string, passphrase?: string): KeyObject {
  const block = readPemBlocks(pem).find(({ label }) => keyLabel.test(label));
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

/** A passphrase nobody has to remember: 256 random bits, printable. */
export function randomPassphrase(): string {
  return randomBytes(32).toString('base64url');
}

function integerBytes(value: number): Uint8Array {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? Uint8Array.from([0, ...bytes]) : bytes;
}

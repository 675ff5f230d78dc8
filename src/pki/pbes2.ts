/**
 * Encryption under a passphrase: PBES2 (RFC 8018 §6.2) with PBKDF2-HMAC-SHA-256 and AES-256-CBC, the one scheme
 * that PKCS#8 and PKCS#12 of ours use and that OpenSSL, Java and GnuTLS read. node:crypto's own export of keys
 * stops at 2,048 iterations, too few for a passphrase that a person made up: the envelope is written here.
 */
import { concatBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { keyIterations, pkcs12IterationsMax, pkcs12RoundsMax } from '../base/limits.ts';
import {
  DerError,
  DerReader,
  derTag,
  encodeDer,
  encodeInteger,
  encodeObjectIdentifier,
  objectIdentifier,
  smallInteger,
  type DerElement,
} from './der.ts';
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from './vendor.ts';

const pbes2 = '1.2.840.113549.1.5.13';
const pbkdf2 = '1.2.840.113549.1.5.12';
const hmacWithSha256 = '1.2.840.113549.2.9';
const aes256Cbc = '2.16.840.1.101.3.4.1.42';

const saltBytes = 16;
const keyBytes = 32;

export interface Encrypted {
  /** AlgorithmIdentifier, DER: with salt, iterations and initialisation vector. */
  readonly scheme: Uint8Array;
  readonly bytes: Uint8Array;
}

export function encryptPbes2(
  plain: Uint8Array,
  passphrase: string,
  iterations: number = keyIterations,
): Encrypted {
  const salt = randomBytes(saltBytes);
  const iv = randomBytes(16);
  const secret = pbkdf2Sync(passphrase, salt, iterations, keyBytes, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', secret, iv);
  const bytes = concatBytes(cipher.update(plain), cipher.final());
  secret.fill(0);
  const sequence = (...parts: Uint8Array[]) => encodeDer(derTag.sequence, ...parts);
  const derivation = sequence(
    encodeDer(derTag.octetString, salt),
    encodeInteger(iterations),
    sequence(encodeObjectIdentifier(hmacWithSha256), encodeDer(derTag.null)),
  );
  const parameters = sequence(
    sequence(encodeObjectIdentifier(pbkdf2), derivation),
    sequence(encodeObjectIdentifier(aes256Cbc), encodeDer(derTag.octetString, iv)),
  );
  return { scheme: sequence(encodeObjectIdentifier(pbes2), parameters), bytes };
}

/** RFC 8018 appendix B.1.2; absent means HMAC-SHA-1. */
const pseudoRandomFunctions = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  [hmacWithSha256, 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);

const ciphers = new Map([
  ['2.16.840.1.101.3.4.1.2', { name: 'aes-128-cbc', keyBytes: 16 }],
  ['2.16.840.1.101.3.4.1.22', { name: 'aes-192-cbc', keyBytes: 24 }],
  [aes256Cbc, { name: 'aes-256-cbc', keyBytes }],
]);

/** What opens one file: its passphrase, and the rounds that all its parts together may cost. */
export interface Opening {
  readonly passphrase: string;
  readonly rounds: RoundBudget;
}

/** A file of many parts asks for the rounds of each: bounded one by one they would still take hours. */
export class RoundBudget {
  #left = pkcs12RoundsMax;

  /** Failure `refused` when one part, or the file as a whole, asks for too many. */
  spend(iterations: number): void {
    refuseIterations(iterations);
    this.#left -= iterations;
    if (this.#left >= 0) return;
    throw new Failure('refused', `the file asks for more than ${pkcs12RoundsMax} iterations in all`, {
      hint: 'No program writes such a file: ask who made it.',
    });
  }
}

/** Gives back what `scheme` (an AlgorithmIdentifier) and a passphrase made of something. */
export type Decrypt = (scheme: DerElement, bytes: Uint8Array, opening: Opening) => Uint8Array;

/**
 * What another program encrypted. Failure `refused` for another scheme (RC2, 3DES) or more iterations than
 * pkcs12IterationsMax, `passphrase-wrong` when the padding is not one; DerError when the parameters do not parse.
 */
export function decryptPbes2(
  scheme: DerElement,
  bytes: Uint8Array,
  { passphrase, rounds }: Opening,
): Uint8Array {
  const { iterations, salt, hash, cipher, iv } = readScheme(scheme);
  rounds.spend(iterations);
  const secret = pbkdf2Sync(passphrase, salt, iterations, cipher.keyBytes, hash);
  try {
    const decipher = createDecipheriv(cipher.name, secret, iv);
    return concatBytes(decipher.update(bytes), decipher.final());
  } catch (cause) {
    throw new Failure('passphrase-wrong', 'the passphrase does not decrypt the content', { cause });
  } finally {
    secret.fill(0);
  }
}

export function refuseIterations(iterations: number): void {
  if (iterations >= 1 && iterations <= pkcs12IterationsMax) return;
  throw new Failure('refused', `the file asks for ${iterations} iterations`, {
    hint: `Between 1 and ${pkcs12IterationsMax} are computed here.`,
  });
}

function readScheme(scheme: DerElement) {
  const algorithm = new DerReader(scheme.content);
  const type = objectIdentifier(algorithm.expect(derTag.objectIdentifier));
  if (type !== pbes2) throw refused(type);
  const parameters = algorithm.sequence();
  const derivation = parameters.sequence();
  const derivationType = objectIdentifier(derivation.expect(derTag.objectIdentifier));
  if (derivationType !== pbkdf2) throw refused(derivationType);
  const values = derivation.sequence();
  const salt = values.expect(derTag.octetString).content;
  const iterations = smallInteger(values.expect(derTag.integer));
  if (values.peekTag() === derTag.integer) values.any();
  const hashType = values.done
    ? undefined
    : objectIdentifier(values.sequence().expect(derTag.objectIdentifier));
  const hash = hashType === undefined ? 'sha1' : pseudoRandomFunctions.get(hashType);
  if (hash === undefined) throw refused(String(hashType));
  const encryption = parameters.sequence();
  const cipherType = objectIdentifier(encryption.expect(derTag.objectIdentifier));
  const cipher = ciphers.get(cipherType);
  if (!cipher) throw refused(cipherType);
  const iv = encryption.expect(derTag.octetString).content;
  if (iv.length !== 16) throw new DerError('an initialisation vector of another length');
  return { iterations, salt, hash, cipher, iv };
}

function refused(algorithm: string): Failure {
  return new Failure('refused', `the file is encrypted with ${algorithm}, not with AES under PBES2`, {
    hint: 'Export it again with a current program; old RC2 and 3DES files need --legacy.',
  });
}

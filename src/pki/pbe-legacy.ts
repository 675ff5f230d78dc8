/**
 * Decryption of PKCS#12 files of old programs, behind `--legacy`: RC2 and 3DES under the key derivation of RFC 7292
 * appendices B and C. node-forge derives the keys and does RC2, which OpenSSL 3 no longer has by default; it is given a
 * salt, a count and ciphertext whose MAC was right, never a file to parse or anything to verify. Nothing is written so.
 * Its key derivation is plain JavaScript, 5 µs a round: all rounds of one file together are bounded.
 */
import { concatBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { pkcs12IterationsMax } from '../base/limits.ts';
import { decodeLatin1, encodeLatin1 } from '../base/text.ts';
import { DerReader, derTag, objectIdentifier, smallInteger } from './der.ts';
import { refuseIterations, type Decrypt } from './pbes2.ts';
import { createDecipheriv, loadForge } from './vendor.ts';

type Forge = Awaited<ReturnType<typeof loadForge>>;

interface Scheme {
  readonly keyBytes: number;
  readonly cipher: '3des' | 'rc2';
}

/** RFC 7292 appendix C. The two with RC4 are left out: nobody exported certificates with them. */
const schemes = new Map<string, Scheme>([
  ['1.2.840.113549.1.12.1.3', { keyBytes: 24, cipher: '3des' }],
  ['1.2.840.113549.1.12.1.4', { keyBytes: 16, cipher: '3des' }],
  ['1.2.840.113549.1.12.1.5', { keyBytes: 16, cipher: 'rc2' }],
  ['1.2.840.113549.1.12.1.6', { keyBytes: 5, cipher: 'rc2' }],
]);

const ivBytes = 8;
/** Appendix B.3: what the derived bytes are for. */
const purposeId = { key: 1, iv: 2 };

/** As `decryptPbes2`, for the old schemes; every other one goes to `modern`. */
export async function createLegacyDecrypt(modern: Decrypt): Promise<Decrypt> {
  const forge = await loadForge();
  let rounds = 0;
  return (element, bytes, opening) => {
    const algorithm = new DerReader(element.content);
    const scheme = schemes.get(objectIdentifier(algorithm.expect(derTag.objectIdentifier)));
    if (scheme === undefined) return modern(element, bytes, opening);
    const { salt, iterations } = readParameters(algorithm);
    rounds += iterations;
    if (rounds > pkcs12IterationsMax) refuseIterations(rounds);
    const derive = (id: number, length: number): Uint8Array =>
      fromForge(
        forge.pkcs12.generateKey(
          opening.passphrase,
          forge.util.createBuffer(decodeLatin1(salt)),
          id,
          iterations,
          length,
        ),
      );
    const plain = decipher(
      forge,
      scheme,
      derive(purposeId.key, scheme.keyBytes),
      derive(purposeId.iv, ivBytes),
      bytes,
    );
    if (plain === undefined)
      throw new Failure('passphrase-wrong', 'the passphrase does not decrypt the content');
    return plain;
  };
}

/** pkcs-12PbeParams. */
function readParameters(algorithm: DerReader): { readonly salt: Uint8Array; readonly iterations: number } {
  const parameters = algorithm.sequence();
  const salt = parameters.expect(derTag.octetString).content;
  const iterations = smallInteger(parameters.expect(derTag.integer));
  parameters.end();
  refuseIterations(iterations);
  return { salt, iterations };
}

/** `undefined` when the padding is none. */
function decipher(
  forge: Forge,
  { cipher }: Scheme,
  key: Uint8Array,
  iv: Uint8Array,
  bytes: Uint8Array,
): Uint8Array | undefined {
  return cipher === 'rc2' ? decipherRc2(forge, key, iv, bytes) : decipherTripleDes(key, iv, bytes);
}

function decipherTripleDes(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  // Two keys are used as K1, K2, K1 (NIST SP 800-67).
  const three = key.length === 24 ? key : concatBytes(key, key.subarray(0, 8));
  try {
    const des = createDecipheriv('des-ede3-cbc', three, iv);
    return concatBytes(des.update(bytes), des.final());
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

function decipherRc2(
  forge: Forge,
  key: Uint8Array,
  iv: Uint8Array,
  bytes: Uint8Array,
): Uint8Array | undefined {
  const rc2 = forge.rc2.createDecryptionCipher(decodeLatin1(key), key.length * 8);
  rc2.start(decodeLatin1(iv));
  rc2.update(forge.util.createBuffer(decodeLatin1(bytes)));
  return rc2.finish() ? fromForge(rc2.output) : undefined;
}

function fromForge(buffer: { getBytes(): string }): Uint8Array {
  return encodeLatin1(buffer.getBytes());
}

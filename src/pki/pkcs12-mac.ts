/** The MAC of PKCS#12 in password integrity mode (RFC 7292 §5.1, key by appendix B), by pkijs. */
import { encodeUtf8 } from '../base/text.ts';
import { loadPkijs, webcrypto } from './vendor.ts';

/** Hash names as WebCrypto writes them. */
export const macHashes = new Map([
  ['1.3.14.3.2.26', 'SHA-1'],
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
]);

export interface MacQuestion {
  readonly hash: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly passphrase: string;
}

export async function macPkcs12(content: Uint8Array, question: MacQuestion): Promise<Uint8Array> {
  const { CryptoEngine } = await loadPkijs();
  const engine = new CryptoEngine({ name: 'node', crypto: webcrypto as globalThis.Crypto });
  const digest = await engine.stampDataWithPassword({
    password: Uint8Array.from(encodeUtf8(question.passphrase)).buffer,
    hashAlgorithm: question.hash,
    salt: Uint8Array.from(question.salt).buffer,
    iterationCount: question.iterations,
    contentToStamp: Uint8Array.from(content).buffer,
  });
  return new Uint8Array(digest);
}

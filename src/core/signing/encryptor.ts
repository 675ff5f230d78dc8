/** The doors of encryption (formats.md §2): who encrypts to a certificate, and who holds a key. */
import type { CertificateFacts } from '../ports.ts';

/** A content in AES-128-CBC and its key in the hands of one certificate's holder (formats.md §2). */
export interface Encrypted {
  /** 16 bytes. */
  readonly iv: Uint8Array;
  /** The content key, RSA PKCS#1 v1.5. */
  readonly wrappedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Encrypts to a certificate with a content key and an IV that it makes anew each time. */
export interface Encryptor {
  /** `filled` has whole blocks of 16 bytes. Failure `refused` for a certificate without an RSA key of 1024 to 4096 bits. */
  encrypt(filled: Uint8Array, recipient: CertificateFacts): Encrypted;
}

/** The holder of one RSA key. */
export interface Decryptor {
  readonly modulusBits: number;
  /** The filled content; `undefined` when the key was not wrapped for this one or a length cannot be. */
  decrypt(encrypted: Encrypted): Uint8Array | undefined;
}

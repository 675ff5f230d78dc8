/**
 * Opens an encrypted configuration with the phone's key (formats.md §2). Total: any bytes give the plain content or one
 * reason. Says nothing about the signer: that is the judge's and `verify`'s word on the same bytes, asked before.
 */
import { equalBytes } from '../../base/bytes.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { hashOfCode } from '../../wire/algorithm.ts';
import { decodeEncryptedFile, unfillBlock } from '../../wire/encrypted-file.ts';
import type { FormatCode } from '../../wire/format-error.ts';
import type { Crypto, Decryptor } from '../ports.ts';

/** What can be wrong behind a header that decodes, and the sentence that explains it. */
export const decryptRules = {
  'other-key': 'the content key was not wrapped for this private key',
  'fill-wrong': 'the fill of the last block is not what the header says',
  'digest-unknown': 'the digest of the content is of an unknown algorithm',
  'digest-wrong': 'the decrypted content is not the one of the digest',
} as const;

export interface DecryptError {
  readonly code: FormatCode | keyof typeof decryptRules;
  readonly reason: string;
}

export function decryptFile(
  crypto: Pick<Crypto, 'digest'>,
  bytes: Uint8Array,
  decryptor: Decryptor,
): Outcome<Uint8Array, DecryptError> {
  const file = decodeEncryptedFile(bytes);
  if (!file.ok) return bad({ code: file.error.code, reason: file.error.message });
  const { encryption, ciphertext } = file.value;
  const filled =
    encryption.keyBits === decryptor.modulusBits
      ? decryptor.decrypt({ iv: encryption.iv, wrappedKey: encryption.wrappedKey, ciphertext })
      : undefined;
  if (filled === undefined) return wrong('other-key');
  const plain = unfillBlock(filled, encryption.paddingLength);
  if (plain === undefined) return wrong('fill-wrong');
  const hash = hashOfCode(encryption.contentDigestCode);
  if (hash === undefined) return wrong('digest-unknown');
  return equalBytes(crypto.digest(hash, plain), encryption.contentDigest)
    ? good(plain)
    : wrong('digest-wrong');
}

function wrong(code: keyof typeof decryptRules): Outcome<never, DecryptError> {
  return bad({ code, reason: decryptRules[code] });
}

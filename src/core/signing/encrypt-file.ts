/**
 * An encrypted configuration for one phone (formats.md §2): the content in AES-128-CBC, its key wrapped for the phone's
 * certificate, a header of version 2 signed over everything. The digest in it is of the plain content, by the hash of
 * the signature.
 *
 * Refuses a name that is not `….cnf.xml.enc.sgn`, content that carries a signed header already, and what
 * signHeader and the Encryptor refuse of keys.
 */
import { concatBytes } from '../../base/bytes.ts';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { codeOfHash } from '../../wire/algorithm.ts';
import { encryptedVersion, fillBlock } from '../../wire/encrypted-file.ts';
import { looksSigned } from '../../wire/signed-header.ts';
import { parseFileName } from '../files/file-name.ts';
import type { CertificateFacts, Crypto, Encryptor } from '../ports.ts';
import { signHeader, type SignatureRequest } from './sign-header.ts';

export interface EncryptFileRequest extends SignatureRequest {
  readonly content: Uint8Array;
  /** The phone's certificate, RSA. */
  readonly recipient: CertificateFacts;
  readonly encryptor: Encryptor;
  readonly crypto: Pick<Crypto, 'digest'>;
}

/** The whole file; another one each time, since key and IV are new. */
export async function encryptFile(request: EncryptFileRequest): Promise<Uint8Array> {
  const { content, fileName, hash, recipient, encryptor, crypto } = request;
  refuseUnencryptable(fileName, content);
  const { filled, paddingLength } = fillBlock(content);
  const { iv, wrappedKey, ciphertext } = encryptor.encrypt(filled, recipient);
  const encryption = {
    iv,
    paddingLength,
    keyBits: wrappedKey.length * 8,
    wrappedKey,
    contentDigestCode: codeOfHash(hash),
    contentDigest: crypto.digest(hash, content),
  };
  const header = await signHeader({
    ...request,
    version: encryptedVersion,
    encryption,
    content: [ciphertext],
  });
  return concatBytes(header, ciphertext);
}

export function refuseUnencryptable(fileName: string, content: Uint8Array): void {
  const name = parseFileName(fileName);
  if (!name.ok || name.value.kind !== 'encrypted-config')
    throw new Failure('refused', `"${printable(fileName)}" is not the name of an encrypted configuration`, {
      hint: 'Phones ask for SEP<MAC>.cnf.xml.enc.sgn.',
    });
  if (looksSigned(content))
    throw new Failure('refused', 'the content carries a signed header; what is encrypted is the plain file', {
      hint: 'tftp-pki strip takes it off.',
    });
}

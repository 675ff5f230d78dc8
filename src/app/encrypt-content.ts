/**
 * Encrypts a configuration to one phone and signs it with the node's CallManager key, as the `encrypted` link does for
 * what it serves. The timestamp is the database's and counts the plain content, since the ciphertext is never the same.
 *
 * Refuses a device that is not known or has no certificate, when none is given.
 */
import { Failure } from '../base/errors.ts';
import type { CertificateFacts, Encryptor } from '../core/ports.ts';
import { parseFileName } from '../core/files/file-name.ts';
import { encryptFile, refuseUnencryptable } from '../core/signing/encrypt-file.ts';
import { allowAdoptedRsa4096 } from '../core/signing/sign-header.ts';
import {
  datedByCluster,
  type SignContentPorts,
  type SignContentRequest,
  type SignedContent,
} from './sign-content.ts';

export interface EncryptContentPorts extends SignContentPorts {
  readonly encryptor: Encryptor;
}

export interface EncryptContentRequest extends SignContentRequest {
  /** Default: the certificate of the device that the name carries. */
  readonly recipient?: CertificateFacts | undefined;
}

/** Failure `not-found`, `refused`; `passphrase-wrong` when the key does not open. */
export async function encryptContent(
  ports: EncryptContentPorts,
  request: EncryptContentRequest,
): Promise<SignedContent & { readonly recipient: string }> {
  const { fileName, content } = request;
  refuseUnencryptable(fileName, content);
  const recipient = request.recipient ?? (await certificateOf(ports, fileName));
  const signature = await datedByCluster(ports, request);
  const { signer, timestamp, hash } = signature;
  const { encryptor, crypto } = ports;
  const bytes = await encryptFile({
    content,
    fileName,
    allowRsa4096: allowAdoptedRsa4096,
    recipient,
    encryptor,
    crypto,
    ...signature,
  });
  return {
    bytes,
    signer: signer.certificate.fingerprint,
    timestamp,
    hash,
    recipient: recipient.fingerprint,
  };
}

async function certificateOf(ports: EncryptContentPorts, fileName: string): Promise<CertificateFacts> {
  const name = parseFileName(fileName);
  const device = name.ok ? (name.value.device ?? '') : '';
  const found = await ports.store.findDevice(device);
  if (found === undefined)
    throw new Failure('not-found', `there is no device ${device} in the database`, {
      hint: "Name the phone's certificate with --for PEM.",
    });
  const certificate = found.certificateDer && ports.crypto.readCertificate(found.certificateDer);
  if (certificate === undefined)
    throw new Failure('refused', `the database holds no certificate of ${device}`, {
      hint: 'Name it with --for PEM.',
    });
  return certificate;
}

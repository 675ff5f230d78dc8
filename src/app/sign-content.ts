/**
 * Signs content for phones with the node's CallManager key, as the `signed` link does for what it serves: the
 * timestamp is the database's, so that it never falls behind what was published under that name.
 *
 * Refuses content that carries a signed header already, and names that phones do not ask for signed.
 */
import { Failure } from '../base/errors.ts';
import { printable, toHex } from '../base/text.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { Crypto, KeyFiles, Signer, SignerOpener, Store } from '../core/ports.ts';
import { filesBook, signFile } from '../core/signing/sign-file.ts';
import { allowAdoptedRsa4096 } from '../core/signing/sign-header.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import type { HashName } from '../wire/algorithm.ts';
import { looksSigned } from '../wire/signed-header.ts';
import { readClusterView, thisNodeOf, trustInputOf } from './cluster-view.ts';

export interface SignContentPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly keyFiles: KeyFiles;
  readonly signers: SignerOpener;
}

export interface SignContentRequest {
  /** FILENAME, `.sgn` included. */
  readonly fileName: string;
  readonly content: Uint8Array;
  /** When the content came to be, seconds: the least timestamp. */
  readonly contentSeconds: number;
  /** Default: the cluster's. */
  readonly hash?: HashName | undefined;
}

export interface SignedContent {
  readonly bytes: Uint8Array;
  /** Fingerprint of the signer's certificate. */
  readonly signer: string;
  readonly timestamp: number;
  readonly hash: HashName;
}

/** Failure `refused`; `passphrase-wrong` when the key does not open. */
export async function signContent(
  ports: SignContentPorts,
  request: SignContentRequest,
): Promise<SignedContent> {
  const { fileName, content } = request;
  refuseUnsignable(fileName, content);
  const signature = await datedByCluster(ports, request);
  const { signer, timestamp, hash } = signature;
  const bytes = await signFile({ content, fileName, allowRsa4096: allowAdoptedRsa4096, ...signature });
  return { bytes, signer: signer.certificate.fingerprint, timestamp, hash };
}

/** The node's CallManager key, the cluster's hash and the database's timestamp for this content under this name. */
export async function datedByCluster(
  ports: SignContentPorts,
  request: SignContentRequest,
): Promise<{ readonly signer: Signer; readonly timestamp: number; readonly hash: HashName }> {
  const { fileName, content } = request;
  const view = await readClusterView(ports.store, ports.crypto);
  const certificate = inUse(trustInputOf(view), 'callmanager', thisNodeOf(view).name);
  const signer = await ports.signers.open(certificate, await ports.keyFiles.read(certificate.fingerprint));
  const sha256 = toHex(ports.crypto.digest('sha256', content));
  const least = Math.max(request.contentSeconds, certificate.notBefore);
  const timestamp = await ports.store.signedTimestamp(fileName, filesBook, sha256, least);
  return { signer, timestamp, hash: request.hash ?? view.cluster.hash };
}

/** Whatever key signs. */
export function refuseUnsignable(fileName: string, content: Uint8Array): void {
  const name = parseFileName(fileName);
  if (!name.ok) throw new Failure('refused', `no phone can ask for "${printable(fileName)}" (${name.error})`);
  if (!name.value.signed || name.value.kind === 'encrypted-config' || isTrustList(name.value.base))
    throw new Failure('refused', `"${printable(fileName)}" is not the name of a file that is signed here`, {
      hint: "Such names end in .sgn; trust lists sign themselves, and firmware carries its maker's signature.",
    });
  if (looksSigned(content))
    throw new Failure('refused', 'the content already carries a signed header, and nothing is signed twice', {
      hint: 'tftp-pki strip takes it off.',
    });
}

function isTrustList(name: string): boolean {
  return name.toLowerCase().endsWith('.tlv');
}

/**
 * A new folder for phones that hold another product's lists (app/adopt-cluster.ts). Keys come as PEM files; they are
 * encrypted anew under the folder's passphrase before anything is written.
 */
import { encodeLatin1 } from '../base/text.ts';
import { adoptCluster, type AdoptRequest, type AdoptResult } from '../app/adopt-cluster.ts';
import { chooseAdopted, type GivenCertificate } from '../app/adopted-keys.ts';
import { readAdoptedLists } from '../app/adopted-lists.ts';
import { readCertificateFile } from '../pki/certificate.ts';
import { readPemBlocks } from '../pki/pem.ts';
import { encryptPrivateKey, randomPassphrase, readPrivateKey } from '../pki/private-key.ts';
import { readPrivateKeyPem } from '../pki/signer.ts';
import type { NewConfig } from '../config/new-config.ts';
import { createVerifier } from '../pki/verifier.ts';
import { withNewNode, type NodeOptions } from './open-node.ts';

export interface AdoptNodeRequest extends Omit<AdoptRequest, 'sasts' | 'callmanager'>, NewConfig {
  /** PEM texts: a certificate and, where it can be had, its private key. */
  readonly sastPems: readonly string[];
  readonly callmanagerPem: string | undefined;
  /** Opens the keys in them, where they are encrypted. */
  readonly keyPassphrase: string | undefined;
}

/** Failure before anything is written when the lists or the keys cannot be adopted. */
export async function adoptNode(options: NodeOptions, request: AdoptNodeRequest): Promise<AdoptResult> {
  const { sastPems, callmanagerPem, keyPassphrase, filesRoot, ...rest } = request;
  const read = (passphrase: string) => {
    const given = (pem: string): GivenCertificate => readGiven(pem, keyPassphrase, passphrase);
    const callmanager = callmanagerPem === undefined ? undefined : given(callmanagerPem);
    return { sasts: sastPems.map(given), callmanager };
  };
  const tried = read(randomPassphrase());
  chooseAdopted(readAdoptedLists(createVerifier(), rest.itl, rest.ctl), tried.sasts, tried.callmanager);
  return withNewNode(options, { filesRoot }, (node, passphrase) =>
    adoptCluster(node, { ...rest, ...read(passphrase()) }),
  );
}

/** The certificate that belongs to the key of the file, else the first one. */
function readGiven(pem: string, keyPassphrase: string | undefined, passphrase: string): GivenCertificate {
  const hasKey = readPemBlocks(pem).some(({ label }) => label.endsWith('PRIVATE KEY'));
  const [first] = readCertificateFile(encodeLatin1(pem));
  if (!hasKey && first !== undefined) return { certificate: first, encryptedKeyPem: undefined };
  const { certificate } = readPrivateKeyPem(pem, keyPassphrase);
  const key = readPrivateKey(pem, keyPassphrase);
  return { certificate, encryptedKeyPem: encryptPrivateKey(key, passphrase) };
}

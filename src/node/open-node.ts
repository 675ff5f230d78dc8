/**
 * A node's folder, opened: the ports that app functions take, joined from store and pki.
 * No key is read before it is needed, and the passphrase only then: `status` and `list-devices` work without it.
 */
import { existsSync } from 'node:fs';
import { encodeUtf8 } from '../base/text.ts';
import { initCluster, type InitPorts, type InitRequest, type InitResult } from '../app/init-cluster.ts';
import type { CertificateFacts, CertificateJudge, SignerOpener } from '../core/ports.ts';
import { newConfigText } from '../config/new-config.ts';
import { readCertificateBundle, type BundleEntry } from '../pki/certificate-bundle.ts';
import { createIssuer } from '../pki/issue.ts';
import { validatePath } from '../pki/path.ts';
import { writePem } from '../pki/pem.ts';
import { writePkcs12 } from '../pki/pkcs12-write.ts';
import { randomPassphrase, readPrivateKey } from '../pki/private-key.ts';
import { createSignerOpener } from '../pki/signer.ts';
import { judgeSuitability } from '../pki/suitable.ts';
import { createVerifier } from '../pki/verifier.ts';
import { createDataFolder, openDataFolder, type DataFolder } from '../store/data-folder.ts';
import { writeDurably } from '../store/durable.ts';
import { createKeyFiles } from '../store/key-files.ts';
import { openStore } from '../store/open-store.ts';
import { createPassphraseSource } from './passphrase.ts';
import { verifyAgain } from './second-verifier.ts';

export interface NodeOptions {
  readonly dataDir: string;
  /** Where the passphrase of the keys stands; without it the one in the folder, which `init` wrote. */
  readonly passphraseFile: string | undefined;
}

export interface BundleOptions {
  /** Asked for when the file is a PKCS#12. */
  readonly filePassphrase: () => string;
  /** RC2 and 3DES too. */
  readonly legacy: boolean;
}

export interface OpenNode extends InitPorts {
  readonly folder: DataFolder;
  /** Judges certificates of other CAs. */
  readonly certificates: CertificateJudge;
  /** Certificates of a PEM, DER, .p7b or PKCS#12 file; a key in it comes back under the passphrase of this node. */
  readBundle(bytes: Uint8Array, options: BundleOptions): Promise<readonly BundleEntry[]>;
  /** Key and certificate as TLS wants them; only for the certificate of 6971. */
  openTlsIdentity(
    certificate: CertificateFacts,
  ): Promise<{ readonly keyPem: string; readonly certPem: string }>;
  /** PKCS#12 of an own certificate with its key, under a passphrase of its own (printable ASCII). */
  exportPkcs12(certificate: CertificateFacts, friendlyName: string, passphrase: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Failure `storage-unreadable` or `not-found` when there is no node in the folder. */
export async function openNode(options: NodeOptions): Promise<OpenNode> {
  const folder = openDataFolder(options.dataDir);
  return join(folder, createPassphraseSource(options.passphraseFile, folder.passphraseFile), false);
}

export interface CreateRequest extends InitRequest {
  /** The provisioning directory. */
  readonly filesRoot: string | undefined;
}

/** The folder, its passphrase, its configuration, its cluster; see `withNewNode`. */
export function createNode(options: NodeOptions, request: CreateRequest): Promise<InitResult> {
  return withNewNode(options, request.filesRoot, (node) => initCluster(node, request));
}

/**
 * A folder in which `work` makes a cluster; what is there of an interrupted call is kept and finished.
 * Failure `refused` when the folder holds something else. `work` gets the passphrase of the folder's keys.
 */
export async function withNewNode<T>(
  options: NodeOptions,
  filesRoot: string | undefined,
  work: (node: OpenNode, passphrase: () => string) => Promise<T>,
): Promise<T> {
  const folder = createDataFolder(options.dataDir);
  if (options.passphraseFile === undefined && !existsSync(folder.passphraseFile))
    writeDurably(folder.passphraseFile, encodeUtf8(`${randomPassphrase()}\n`), 0o600);
  const passphrase = createPassphraseSource(options.passphraseFile, folder.passphraseFile);
  const node = await join(folder, passphrase, true);
  try {
    if (!existsSync(folder.configFile))
      writeDurably(folder.configFile, encodeUtf8(newConfigText({ filesRoot })), 0o600);
    return await work(node, passphrase);
  } finally {
    await node.close();
  }
}

async function join(folder: DataFolder, passphrase: () => string, create: boolean): Promise<OpenNode> {
  const crypto = createVerifier();
  const store = await openStore({ path: folder.databaseFile, create, crypto });
  const signers: SignerOpener = {
    open: async (certificate, pem) => createSignerOpener(passphrase()).open(certificate, pem),
  };
  const keyFiles = createKeyFiles(folder.keysFolder);
  return {
    folder,
    store,
    crypto,
    clock: { nowMs: () => Date.now() },
    verifyAgain,
    signers,
    certificates: { suitability: judgeSuitability, path: validatePath },
    readBundle: (bytes, options) => readCertificateBundle(bytes, { ...options, keyPassphrase: passphrase }),
    keyFiles,
    async openTlsIdentity({ fingerprint, der }) {
      const key = readPrivateKey(await keyFiles.read(fingerprint), passphrase());
      return {
        keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
        certPem: writePem('CERTIFICATE', der),
      };
    },
    async exportPkcs12(certificate, friendlyName, exportPassphrase) {
      const encryptedPem = await keyFiles.read(certificate.fingerprint);
      const key = { encryptedPem, passphrase: passphrase() };
      return writePkcs12([{ certificate, friendlyName, key }], exportPassphrase);
    },
    issuer: {
      issue: async (request) => createIssuer({ passphrase: passphrase() }).issue(request),
      request: async (request) => createIssuer({ passphrase: passphrase() }).request(request),
    },
    close: () => store.close(),
  };
}

/**
 * A node's folder, opened: the ports that app functions take, joined from store and pki.
 * No key is read before it is needed, and the passphrase only then: `status` and `list-devices` work without it.
 */
import { existsSync } from 'node:fs';
import { Failure } from '../base/errors.ts';
import { encodeUtf8 } from '../base/text.ts';
import {
  initCluster,
  refuseClusterNames,
  type InitPorts,
  type InitRequest,
  type InitResult,
} from '../app/init-cluster.ts';
import type { FieldPorts } from '../app/field.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import type { Quarantine } from '../core/bulk/quarantine.ts';
import type { CertificateFacts, CertificateJudge, Crypto } from '../core/ports.ts';
import { pairsOf } from '../core/trust/set-with-gaps.ts';
import { servingAnswerMsMax } from '../base/limits-database.ts';
import { loadConfig } from '../config/load.ts';
import { newConfigText, type NewConfig } from '../config/new-config.ts';
import type { Config } from '../config/schema.ts';
import { readCertificateBundle, type BundleEntry } from '../pki/certificate-bundle.ts';
import { createBundles } from '../pki/bundles.ts';
import { validatePath } from '../pki/path.ts';
import { writePem } from '../pki/pem.ts';
import { writePkcs12 } from '../pki/pkcs12-write.ts';
import { randomPassphrase, readPrivateKey } from '../pki/private-key.ts';
import { judgeSuitability, namesHost } from '../pki/suitable.ts';
import { createVerifier } from '../pki/verifier.ts';
import { openBeliefs, readBeliefs } from '../store/beliefs.ts';
import { createDataFolder, openDataFolder, type DataFolder } from '../store/data-folder.ts';
import { writeDurably } from '../store/durable.ts';
import { createKeyFiles } from '../store/key-files.ts';
import { openMigrated, openStore } from '../store/open-store.ts';
import { createQuarantine } from '../store/quarantine.ts';
import { openSubscription, type Subscription } from '../store/subscription.ts';
import { createNodeKeys } from './node-keys.ts';
import { createPassphraseSource } from './passphrase.ts';
import { verifyAgain } from './second-verifier.ts';

export interface NodeOptions {
  readonly dataDir: string;
  /** Where the passphrase of the keys stands; without it the one in the folder, which `init` wrote. */
  readonly passphraseFile: string | undefined;
  /** Wins over tftp-pki.yaml, where keys are made or live in a token. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Why trust is changed, for the audit. */
  readonly reason?: string | undefined;
}

export interface BundleOptions {
  /** Asked for when the file is a PKCS#12. */
  readonly filePassphrase: () => string;
  /** RC2 and 3DES too. */
  readonly legacy: boolean;
}

export interface OpenNode extends InitPorts, FieldPorts {
  /** Where it serves from a copy: a node whose database is elsewhere. */
  readonly subscription: Subscription | undefined;
  readonly folder: DataFolder;
  /** Files of certificates alone. */
  readonly bundles: Bundles;
  readonly quarantine: Quarantine;
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
  return join(folder, options, openCommandStore(folder, options, false));
}

/** As `openNode`, for a server: it starts and goes on without a database that is elsewhere, once it has a copy. */
export async function openServingNode(options: NodeOptions): Promise<OpenNode> {
  const folder = openDataFolder(options.dataDir);
  return join(folder, options, async (config, crypto) => {
    const { database: url, node: thisNode } = config;
    if (url === undefined) return openCommandStore(folder, options, false)(config, crypto);
    const [{ openPostgres }, { createWorkLocks }] = await Promise.all([
      import('../store/postgres.ts'),
      import('../store/postgres-work.ts'),
    ]);
    const subscription = await openSubscription({
      openSource: async () => openMigrated(await openPostgres({ url, answerMsMax: servingAnswerMsMax })),
      locks: createWorkLocks(url),
      path: folder.snapshotFile,
      crypto,
      thisNode,
    });
    return { store: subscription.store, subscription };
  });
}

/** What `init` is told, with what it writes into tftp-pki.yaml. */
export interface CreateRequest extends InitRequest, NewConfig {}

/** The folder, its passphrase, its configuration, its cluster; see `withNewNode`. */
export async function createNode(options: NodeOptions, request: CreateRequest): Promise<InitResult> {
  // A name that is none leaves no folder behind.
  refuseClusterNames(request);
  return withNewNode(options, request, (node) => initCluster(node, request));
}

/**
 * A folder in which `work` makes a cluster; what is there of an interrupted call is kept and finished.
 * Failure `refused` when the folder holds something else. `work` gets the passphrase of the folder's keys.
 */
export async function withNewNode<T>(
  options: NodeOptions,
  settings: NewConfig,
  work: (node: OpenNode, passphrase: () => string) => Promise<T>,
): Promise<T> {
  const folder = createDataFolder(options.dataDir);
  if (options.passphraseFile === undefined && !existsSync(folder.passphraseFile))
    writeDurably(folder.passphraseFile, encodeUtf8(`${randomPassphrase()}\n`), 0o600);
  if (!existsSync(folder.configFile))
    writeDurably(folder.configFile, encodeUtf8(newConfigText(settings)), 0o600);
  const node = await join(folder, options, openCommandStore(folder, options, true));
  try {
    const result = await work(node, createPassphraseSource(options.passphraseFile, folder.passphraseFile));
    await beginBeliefs(node);
    return result;
  } finally {
    await node.close();
  }
}

/** Phones of an adopted cluster hold its lists already; in a new one nobody holds anything. */
async function beginBeliefs({ folder, store, clock }: OpenNode): Promise<void> {
  if (existsSync(folder.beliefsFile)) return;
  const adopted = pairsOf(await store.listGeneration(0));
  openBeliefs(
    folder.beliefsFile,
    adopted.length === 0 ? [] : [{ number: 1, atMs: clock.nowMs(), pairs: adopted }],
  ).close();
}

/** A node for looking only, with what keeps it from its database: then it shows the last copy. */
export interface ShownNode {
  readonly node: OpenNode;
  readonly away: Failure | undefined;
}

/** As `openNode`; where a database that is elsewhere is away, its copy is read. */
export async function openShownNode(options: NodeOptions): Promise<ShownNode> {
  const folder = openDataFolder(options.dataDir);
  try {
    return { node: await openNode(options), away: undefined };
  } catch (error) {
    const isAway =
      error instanceof Failure && error.code === 'unreachable' && existsSync(folder.snapshotFile);
    if (!isAway) throw error;
    const opener: StoreOpener = async ({ node: thisNode }, crypto) => ({
      store: await openStore({ path: folder.snapshotFile, readonly: true, thisNode, crypto }),
      subscription: undefined,
    });
    return { node: await join(folder, options, opener), away: error };
  }
}

type StoreOpener = (config: Config, crypto: Crypto) => Promise<Pick<OpenNode, 'store' | 'subscription'>>;

function openCommandStore(folder: DataFolder, { reason }: NodeOptions, create: boolean): StoreOpener {
  return async ({ database: url, node: thisNode }, crypto) => ({
    store: await openStore(
      url === undefined
        ? { path: folder.databaseFile, create, crypto, reason }
        : { url, thisNode, crypto, reason },
    ),
    subscription: undefined,
  });
}

async function join(
  folder: DataFolder,
  { passphraseFile, environment }: NodeOptions,
  opener: StoreOpener,
): Promise<OpenNode> {
  const passphrase = createPassphraseSource(passphraseFile, folder.passphraseFile);
  const crypto = createVerifier();
  const config = loadConfig({ file: folder.configFile, environment });
  const { store, subscription } = await opener(config, crypto);
  const keys = createNodeKeys(passphrase, () => config.keys.pkcs11);
  const keyFiles = createKeyFiles(folder.keysFolder);
  return {
    folder,
    store,
    subscription,
    crypto,
    clock: { nowMs: () => Date.now() },
    readBeliefs: () => readBeliefs(folder.beliefsFile),
    sha512Models: config.risk.sha512Models,
    verifyAgain,
    signers: keys.signers,
    certificates: { suitability: judgeSuitability, namesHost, path: validatePath },
    bundles: createBundles(),
    quarantine: createQuarantine(folder.bulkFolder),
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
    issuer: keys.issuer,
    async close() {
      await keys.close();
      await store.close();
    },
  };
}

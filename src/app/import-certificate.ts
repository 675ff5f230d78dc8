/**
 * A certificate of another CA for a purpose of ours: the answer to a request that waits here, or a PKCS#12 that brings
 * its key. Checked before anything is kept: the key is ours and is the certificate's, its use is allowed, and a path
 * leads to a root that came with it or is in the store of its purpose. Where a certificate is in use the new one waits
 * beside it, as a renewed one does. The CA's own certificates go to the purpose's trust store; they sign no list.
 */
import { Failure } from '../base/errors.ts';
import { printable, toHex } from '../base/text.ts';
import { hostOf, type CertificatePurpose, type CertificateStoreName } from '../core/cluster/model.ts';
import type {
  CertificateFacts,
  CertificateJudge,
  KeyFiles,
  Store,
  Crypto,
  WallClock,
} from '../core/ports.ts';
import { readClusterView, thisNodeOf, type ClusterView } from './cluster-view.ts';
import { withNewKeys } from './new-keys.ts';
import { nodeOfPurpose, ownRows } from './own-certificates.ts';
import { refuseSecondRenewal } from './renew-certificate.ts';

export interface ImportPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly keyFiles: KeyFiles;
  readonly certificates: CertificateJudge;
}

export interface ImportRequest {
  readonly purpose: CertificatePurpose;
  /** Everything that the files hold, in any order. */
  readonly entries: readonly {
    readonly certificate: CertificateFacts;
    /** Encrypted under the node's passphrase. */
    readonly encryptedKeyPem: string | undefined;
  }[];
  /** Where they come from, for the provenance. */
  readonly source: string;
  readonly by: string;
}

export interface ImportedCertificate {
  readonly id: number;
  readonly certificate: CertificateFacts;
  /** Leaf first, root last. */
  readonly path: readonly CertificateFacts[];
  readonly warnings: readonly string[];
  /** It waits beside the one in use. */
  readonly waits: boolean;
}

/** The stores that hold the CAs of a purpose. */
const chainStores: Readonly<Record<CertificatePurpose, CertificateStoreName>> = {
  callmanager: 'callmanager-trust',
  'callmanager-ec': 'callmanager-trust',
  tvs: 'tvs-trust',
  capf: 'capf-trust',
  itlrecovery: 'callmanager-trust',
  'tftp-ec': 'callmanager-trust',
};

/** Failure `refused` with every reason; nothing was kept then. */
export async function importCertificate(
  ports: ImportPorts,
  request: ImportRequest,
): Promise<ImportedCertificate> {
  const { purpose } = request;
  const view = await readClusterView(ports.store, ports.crypto);
  const waits = ownRows(view, purpose).length > 0;
  if (waits) await refuseSecondRenewal(ports, view, purpose);
  const { certificate, keyPem } = await findOwn(ports, request);
  const { reasons, warnings } = ports.certificates.suitability(
    purpose,
    hostOf(thisNodeOf(view)),
    certificate,
  );
  if (reasons.length > 0)
    throw new Failure(
      'refused',
      `${printable(certificate.subject)} is of no use as ${purpose}: ${reasons.join('; ')}`,
    );
  const path = await findPath(ports, view, request, certificate);
  // The key first: a row never names a key that is not on the disk.
  const key = { fingerprint: certificate.fingerprint, encryptedKeyPem: keyPem };
  const id = await withNewKeys(ports, [key], async () => {
    await keepChain(ports, view, request, path.slice(1));
    return keepOwn(ports, view, request, certificate);
  });
  return { id, certificate, path, warnings, waits };
}

async function findOwn(
  { crypto, keyFiles }: ImportPorts,
  { entries, purpose }: ImportRequest,
): Promise<{ readonly certificate: CertificateFacts; readonly keyPem: string }> {
  const found = [];
  for (const { certificate, encryptedKeyPem } of entries) {
    const keyId = toHex(crypto.digest('sha256', certificate.publicKey.spki));
    const keyPem = encryptedKeyPem ?? (await keyFiles.find(keyId));
    if (keyPem !== undefined) found.push({ certificate, keyPem });
  }
  const [only, ...others] = found;
  if (only === undefined)
    throw new Failure('refused', 'none of the certificates belongs to a key that waits here', {
      hint: `tftp-pki issue-cert ${purpose} --csr FILE makes a key and the request for it; a PKCS#12 brings its own.`,
    });
  if (others.length > 0)
    throw new Failure('refused', 'more than one of the certificates belongs to a key of ours');
  return only;
}

async function findPath(
  { certificates, crypto, clock }: ImportPorts,
  view: ClusterView,
  { purpose, entries }: ImportRequest,
  leaf: CertificateFacts,
): Promise<readonly CertificateFacts[]> {
  const stored = view.certificates.filter(({ store }) => store === chainStores[purpose]);
  const known = [
    ...entries.map(({ certificate }) => certificate),
    ...stored.flatMap(({ der }) => crypto.readCertificate(der) ?? []),
  ];
  const path = await certificates.path(leaf, withoutRepeats(known), Math.floor(clock.nowMs() / 1000));
  if (path.ok) return path.value;
  throw new Failure('refused', `${printable(leaf.subject)} leads to no root: ${path.error}`, {
    hint: 'Name the files of its CA too, up to the root.',
  });
}

function withoutRepeats(certificates: readonly CertificateFacts[]): readonly CertificateFacts[] {
  return [...new Map(certificates.map((each) => [each.fingerprint, each])).values()];
}

async function keepChain(
  { store, clock }: ImportPorts,
  view: ClusterView,
  { purpose, source, by }: ImportRequest,
  chain: readonly CertificateFacts[],
): Promise<void> {
  const into = chainStores[purpose];
  for (const { der, fingerprint } of chain) {
    const isThere = view.certificates.some((row) => row.store === into && row.fingerprint === fingerprint);
    if (isThere) continue;
    const atMs = clock.nowMs();
    await store.addCertificate(
      {
        store: into,
        purpose: undefined,
        node: undefined,
        der,
        fingerprint,
        provenance: `CA of ${purpose}, imported from ${source}, ${by}`,
        addedMs: atMs,
      },
      {
        atMs,
        who: by,
        operation: `import-cert ${purpose}`,
        detail: { store: into, certificate: fingerprint },
      },
    );
  }
}

function keepOwn(
  { store, clock }: ImportPorts,
  view: ClusterView,
  { purpose, source, by }: ImportRequest,
  { der, fingerprint }: CertificateFacts,
): Promise<number> {
  const atMs = clock.nowMs();
  return store.addCertificate(
    {
      store: 'own',
      purpose,
      node: nodeOfPurpose(view, purpose),
      der,
      fingerprint,
      provenance: `imported from ${source}, ${by}`,
      addedMs: atMs,
    },
    {
      atMs,
      who: by,
      operation: `import-cert ${purpose}`,
      detail: { store: 'own', certificate: fingerprint },
    },
  );
}

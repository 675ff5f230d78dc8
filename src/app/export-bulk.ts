/**
 * `export-bulk`: this cluster's certificates onto the share, one PKCS#12 per node and type, and the manifest signed by
 * ITLRecovery, which makes them count. The manifest is written last and replaces the old one at once: an export that
 * is cut off changes nothing that anybody reads, and the next one tidies.
 *
 * No function here gets hold of a private key but the signer of the manifest, which only signs.
 */
import { Failure } from '../base/errors.ts';
import { encodeUtf8, printable } from '../base/text.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import { bulkTypes, isClusterFolder, purposeOfType, type BulkType } from '../core/bulk/bulk-type.ts';
import { cucmList } from '../core/bulk/cucm-list.ts';
import {
  bundleName,
  cucmListName,
  filePath,
  isExportedName,
  manifestName,
  manifestPath,
  pemName,
} from '../core/bulk/layout.ts';
import { encodeManifest, type BulkManifest, type ManifestEntry } from '../core/bulk/manifest.ts';
import type { Share } from '../core/bulk/share.ts';
import { verifyManifest } from '../core/bulk/verify-source.ts';
import type { CertificateFacts, Crypto, KeyFiles, SignerOpener, Store, WallClock } from '../core/ports.ts';
import { signFile } from '../core/signing/sign-file.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { bulkFileBytesMax } from '../base/limits.ts';
import { readPlace } from './bulk-files.ts';
import { readClusterView, thisNodeOf, trustInputOf, type ClusterView } from './cluster-view.ts';

export interface ExportBulkPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly keyFiles: KeyFiles;
  readonly signers: SignerOpener;
  readonly bundles: Bundles;
}

export interface ExportBulkRequest {
  readonly types: readonly BulkType[];
  /** Certificates that this program does not keep: the call server's Tomcat. */
  readonly given: readonly { readonly type: BulkType; readonly certificate: CertificateFacts }[];
  readonly passphrase: string;
  readonly pem: boolean;
  readonly by: string;
  readonly onStep: (done: number, total: number) => void;
}

export interface BulkExport {
  readonly cluster: string;
  readonly counter: number;
  /** Fingerprint of the ITLRecovery that signed. */
  readonly signer: string;
  /** Everything that stands in the cluster's folder now. */
  readonly files: readonly string[];
  readonly certificates: readonly ManifestEntry[];
  /** Types that were asked for and of which there is nothing. */
  readonly nothingOf: readonly BulkType[];
  /** Types that the export before this one had on the share: whoever imports this one retires them. */
  readonly droppedTypes: readonly BulkType[];
  /** For administrators of CUCM; undefined without `pem`. */
  readonly cucmList: string | undefined;
}

/** One PKCS#12: certificates of one node and type, the one in use first. */
interface Bundle {
  readonly node: string;
  readonly type: BulkType;
  readonly file: string;
  readonly certificates: readonly CertificateFacts[];
}

/** Failures of the share; `refused` when there is nothing to export, or the cluster's id names no folder. */
export async function exportBulk(
  ports: ExportBulkPorts,
  share: Share,
  request: ExportBulkRequest,
): Promise<BulkExport> {
  const view = await readClusterView(ports.store, ports.crypto);
  const cluster = view.cluster.id;
  if (!isClusterFolder(cluster))
    throw new Failure('refused', `the cluster id ${JSON.stringify(cluster)} cannot name a folder`);
  const bundles = bundlesOf(ports.crypto, view, request);
  if (bundles.length === 0)
    throw new Failure('refused', 'there is no certificate of these types to export', {
      hint: 'tftp-pki list-certs',
    });
  const nothingOf = request.types.filter((type) => !bundles.some((bundle) => bundle.type === type));
  const last = await lastManifest(ports, share, view);
  const manifest = await nextManifest(ports, share, view, bundles, {
    by: request.by,
    above: last?.counter ?? 0,
  });
  const list = request.pem ? cucmList(manifest) : undefined;
  const files = filesOf(ports.bundles, bundles, request, list);
  await share.tidy(cluster);
  let done = 0;
  const step = (): void => request.onStep(++done, files.length + 1);
  for (const { name, bytes } of files) {
    await share.write(filePath(cluster, name), bytes());
    step();
  }
  await share.write(manifestPath(cluster), await sign(ports, view, manifest));
  step();
  const names = new Set(files.map(({ name }) => name));
  for (const name of await share.list(cluster))
    if (isExportedName(name) && !names.has(name)) await share.remove(filePath(cluster, name));
  const { fingerprint: signer } = inUse(trustInputOf(view), 'itlrecovery');
  const { counter, certificates } = manifest;
  return {
    cluster,
    counter,
    signer,
    files: [...names, manifestName].toSorted(),
    certificates,
    nothingOf,
    droppedTypes: bulkTypes.filter(
      (type) => hasType(last?.certificates ?? [], type) && !hasType(certificates, type),
    ),
    cucmList: list,
  };
}

function hasType(entries: readonly ManifestEntry[], type: BulkType): boolean {
  return entries.some((entry) => entry.type === type);
}

function bundlesOf(
  crypto: Crypto,
  view: ClusterView,
  { types, given }: ExportBulkRequest,
): readonly Bundle[] {
  const here = thisNodeOf(view).name;
  return bulkTypes
    .filter((type) => types.includes(type))
    .flatMap((type) => {
      const own = view.own.filter(({ purpose }) => purpose === purposeOfType[type]);
      const named = given.filter((each) => each.type === type);
      const owned = [
        ...own.map(({ node = '', certificate }) => ({ node, certificate })),
        ...named.map(({ certificate }) => ({ node: here, certificate })),
      ];
      const nodes = [...new Set(owned.map(({ node }) => node))];
      return nodes.map((node): Bundle => {
        const certificates = owned.filter((each) => each.node === node).map(({ certificate }) => certificate);
        const fingerprints = certificates.map(({ fingerprint }) => fingerprint);
        return { node, type, file: bundleName(crypto, node, type, fingerprints), certificates };
      });
    });
}

async function nextManifest(
  { store, clock }: ExportBulkPorts,
  share: Share,
  view: ClusterView,
  bundles: readonly Bundle[],
  { by, above }: { readonly by: string; readonly above: number },
): Promise<BulkManifest> {
  const cluster = view.cluster.id;
  const signer = inUse(trustInputOf(view), 'itlrecovery');
  const nowMs = clock.nowMs();
  const certificates = bundles.flatMap(({ node, type, file, certificates: held }) =>
    held.map(({ fingerprint, subject, notBefore, notAfter }) => {
      return { node, type, fingerprint, subject, notBefore, notAfter, file };
    }),
  );
  const counter = await store.nextBulkCounter(above, {
    atMs: nowMs,
    who: by,
    operation: 'export-bulk',
    detail: { to: share.place, certificates: certificates.map(({ fingerprint }) => fingerprint) },
  });
  const who = `${by}@${thisNodeOf(view).name}`;
  return { cluster, counter, when: Math.floor(nowMs / 1000), who, signer: signer.der, certificates };
}

/**
 * What we exported last, as it stands on the share: a database that was restored counts on above it. What we did not
 * sign says nothing.
 */
async function lastManifest(
  { crypto, clock }: ExportBulkPorts,
  share: Share,
  view: ClusterView,
): Promise<BulkManifest | undefined> {
  const cluster = view.cluster.id;
  const read = await readPlace(share, manifestPath(cluster), bulkFileBytesMax);
  if (!read.ok || read.value === undefined) return undefined;
  const there = verifyManifest(crypto, read.value, cluster, Math.floor(clock.nowMs() / 1000));
  if (!there.ok) return undefined;
  const { fingerprint } = there.value.signer;
  const isOurs = view.own.some(
    ({ purpose, certificate }) => purpose === 'itlrecovery' && certificate.fingerprint === fingerprint,
  );
  return isOurs ? there.value.manifest : undefined;
}

interface FileToWrite {
  readonly name: string;
  readonly bytes: () => Uint8Array;
}

function filesOf(
  writers: Bundles,
  bundles: readonly Bundle[],
  { passphrase, pem }: ExportBulkRequest,
  list: string | undefined,
): readonly FileToWrite[] {
  const pkcs12 = bundles.map(({ file, node, type, certificates }) => ({
    name: file,
    bytes: () =>
      writers.writePkcs12(
        certificates.map((certificate) => ({
          certificate,
          friendlyName: printable([node, type].filter(Boolean).join(' ')),
        })),
        passphrase,
      ),
  }));
  if (!pem || list === undefined) return pkcs12;
  const pems = bundles.flatMap(({ node, type, certificates }) =>
    certificates.map((certificate) => ({
      name: pemName(node, type, certificate.fingerprint),
      bytes: () => writers.writePem(certificate),
    })),
  );
  return [...pkcs12, ...pems, { name: cucmListName, bytes: () => encodeUtf8(list) }];
}

async function sign(
  { keyFiles, signers }: ExportBulkPorts,
  view: ClusterView,
  manifest: BulkManifest,
): Promise<Uint8Array> {
  const certificate = inUse(trustInputOf(view), 'itlrecovery');
  const signer = await signers.open(certificate, await keyFiles.read(certificate.fingerprint));
  return signFile({
    content: encodeManifest(manifest),
    fileName: manifestName,
    timestamp: Math.max(manifest.when, certificate.notBefore),
    // No phone reads it: SHA-1 has no business here.
    hash: 'sha512',
    signer,
    allowRsa4096: true,
  });
}

/**
 * `consolidate-bulk`: every cluster's export, verified, merged into one file that all import. One cluster does it, under
 * a lock. A cluster that is not believed is left out and named, with the next step; the others are merged all the same.
 */
import { Failure } from '../base/errors.ts';
import { bulkConsolidationBytesMax, bulkFileBytesMax, pkcs12BytesMax } from '../base/limits.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import { isClusterFolder } from '../core/bulk/bulk-type.ts';
import { decodeConsolidation, encodeConsolidation } from '../core/bulk/consolidation.ts';
import { consolidationLock, consolidationPath, filePath, manifestPath } from '../core/bulk/layout.ts';
import { mergeReport, type MergeLine } from '../core/bulk/merge.ts';
import type { Share } from '../core/bulk/share.ts';
import {
  joinSource,
  verifyManifest,
  type BulkSource,
  type SignedManifest,
} from '../core/bulk/verify-source.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { eachOf, readPlace } from './bulk-files.ts';
import { acceptPeers, rememberSeen, type Acceptance, type Peers, type RefusedSource } from './bulk-peers.ts';
import { readClusterView, thisNodeOf } from './cluster-view.ts';

export interface ConsolidateBulkPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly bundles: Bundles;
}

export interface ConsolidateBulkRequest {
  readonly accepted: readonly Acceptance[];
  readonly passphrase: string;
  readonly by: string;
  /** The machine, for the lock. */
  readonly host: string;
  /** Files read of files known so far. */
  readonly onStep: (done: number, total: number) => void;
}

export interface BulkConsolidation {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly counter: number;
    readonly certificates: number;
  }[];
  readonly lines: readonly MergeLine[];
  readonly refused: readonly RefusedSource[];
  /** False when everything was merged before. */
  readonly changed: boolean;
}

/** Failures of the share; `refused` when another cluster is at it, or no cluster is believed. */
export async function consolidateBulk(
  ports: ConsolidateBulkPorts,
  share: Share,
  request: ConsolidateBulkRequest,
): Promise<BulkConsolidation> {
  const view = await readClusterView(ports.store, ports.crypto);
  const peers = await acceptPeers(ports, view, request.accepted, request.by);
  const { id } = view.cluster;
  const lock = await share.lock(consolidationLock, `${id} (${thisNodeOf(view).name}) on ${request.host}`);
  try {
    await share.tidy('');
    return await merge(ports, share, peers, id, request);
  } finally {
    await lock.release();
  }
}

async function merge(
  ports: ConsolidateBulkPorts,
  share: Share,
  peers: Peers,
  by: string,
  request: ConsolidateBulkRequest,
): Promise<BulkConsolidation> {
  const { crypto, clock } = ports;
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const refused: RefusedSource[] = [];
  const signed: SignedManifest[] = [];
  const clusters = (await share.list('')).filter(isClusterFolder);
  const found = await eachOf(clusters, async (cluster) => ({
    cluster,
    read: await readPlace(share, manifestPath(cluster), bulkFileBytesMax),
  }));
  for (const { cluster, read } of found) {
    if (read.ok && read.value === undefined) continue;
    const manifest = read.ok
      ? verifyManifest(crypto, read.value ?? new Uint8Array(), cluster, nowSeconds)
      : read;
    const refusal = manifest.ok ? peers.judge(manifest.value) : notBelieved(manifest.error);
    if (refusal !== undefined) refused.push({ cluster, ...refusal });
    else if (manifest.ok) signed.push(manifest.value);
  }
  const before = await lastConsolidation(crypto, share, nowSeconds);
  const steps = { done: 0, total: signed.flatMap(filesOf).length };
  const sources: BulkSource[] = [];
  for (const each of signed) {
    const read = await readSource(ports, share, each, request, () =>
      request.onStep(++steps.done, steps.total),
    );
    if (read.ok) sources.push(read.value);
    else refused.push({ cluster: each.manifest.cluster, ...read.error });
  }
  if (sources.length === 0)
    throw new Failure(
      'refused',
      ['no export could be believed', ...refused.map(({ cluster, reason }) => `${cluster}: ${reason}`)].join(
        '\n',
      ),
      { hint: refused[0]?.hint ?? `Every cluster runs: tftp-pki export-bulk --to ${share.place}` },
    );
  const changed = !sameSources(before, sources);
  if (changed)
    await share.write(
      consolidationPath,
      encodeConsolidation({ by, when: nowSeconds, sources: sources.map(flat) }),
    );
  await rememberSeen(ports.store, by, sources);
  return {
    clusters: sources.map(({ manifest: { cluster, counter }, certificates }) => ({
      cluster,
      counter,
      certificates: certificates.length,
    })),
    lines: mergeReport(before, sources, nowSeconds),
    refused,
    changed,
  };
}

function notBelieved(reason: string): Omit<RefusedSource, 'cluster'> {
  return {
    reason: `its manifest is not believed: ${reason}`,
    hint: 'Let that cluster run export-bulk again; if it stays, ask who else writes to the share.',
  };
}

function filesOf({ manifest }: SignedManifest): readonly string[] {
  return [...new Set(manifest.certificates.map(({ file }) => file))];
}

async function readSource(
  ports: ConsolidateBulkPorts,
  share: Share,
  signed: SignedManifest,
  request: ConsolidateBulkRequest,
  step: () => void,
): Promise<Outcome<BulkSource, Omit<RefusedSource, 'cluster'>>> {
  const files = filesOf(signed);
  const certificates: CertificateFacts[] = [];
  const read = await eachOf(files, async (file) => {
    const found = await readFile(ports, share, signed.manifest.cluster, file, request.passphrase);
    step();
    return found;
  });
  for (const each of read) {
    if (!each.ok) return each;
    certificates.push(...each.value);
  }
  const joined = joinSource(signed, certificates);
  return joined.ok ? joined : bad(notBelieved(joined.error));
}

/** A file's own faults leave its cluster out; a share that fails ends everything. */
async function readFile(
  { bundles }: ConsolidateBulkPorts,
  share: Share,
  cluster: string,
  file: string,
  passphrase: string,
): Promise<Outcome<readonly CertificateFacts[], Omit<RefusedSource, 'cluster'>>> {
  const read = await readPlace(share, filePath(cluster, file), pkcs12BytesMax);
  const again = `Let ${cluster} run export-bulk again.`;
  if (!read.ok) return bad({ reason: `its file ${file} cannot be read: ${read.error}`, hint: again });
  if (read.value === undefined)
    return bad({
      reason: `its file ${file} is not there`,
      hint: `Repeat, for it may be exporting now. ${again}`,
    });
  try {
    const { certificates, hasKey } = await bundles.read(read.value, { passphrase, legacy: false });
    if (hasKey)
      return bad({
        reason: `its file ${file} holds a private key`,
        hint: `Take it off the share, and tell ${cluster} that the key left its place.`,
      });
    return good(certificates);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const hint =
      error.code === 'passphrase-wrong'
        ? 'Name the passphrase of the exchange with --bundle-passphrase-file, the same on every cluster.'
        : again;
    return bad({ reason: `its file ${file}: ${error.message}`, hint });
  }
}

/** What the last one held, as far as it can be read; only a report depends on it. */
async function lastConsolidation(
  crypto: Crypto,
  share: Share,
  nowSeconds: number,
): Promise<readonly BulkSource[]> {
  const read = await readPlace(share, consolidationPath, bulkConsolidationBytesMax);
  if (!read.ok || read.value === undefined) return [];
  const decoded = decodeConsolidation(read.value);
  if (!decoded.ok) return [];
  return decoded.value.sources.flatMap(({ cluster, manifest, certificates }) => {
    const signed = verifyManifest(crypto, manifest, cluster, nowSeconds);
    const facts = certificates.flatMap((der) => crypto.readCertificate(der) ?? []);
    const joined = signed.ok ? joinSource(signed.value, facts) : signed;
    return joined.ok ? [joined.value] : [];
  });
}

function sameSources(before: readonly BulkSource[], after: readonly BulkSource[]): boolean {
  const key = (sources: readonly BulkSource[]): string => sources.map(({ sha256 }) => sha256).join(' ');
  return before.length === after.length && key(before) === key(after);
}

function flat({ manifest, bytes, certificates }: BulkSource) {
  const ders = new Map(certificates.map(({ certificate }) => [certificate.fingerprint, certificate.der]));
  return { cluster: manifest.cluster, manifest: bytes, certificates: [...ders.values()] };
}

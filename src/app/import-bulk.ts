/**
 * The second step of `import-bulk`: what lies in quarantine, judged and planned, and, when a person wants it, taken over
 * in one transaction. Every source manifest is verified here, whoever consolidated them.
 */
import { Failure } from '../base/errors.ts';
import { trustListBytesMax } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import type { BulkPurpose } from '../core/bulk/bulk-type.ts';
import { decodeConsolidation } from '../core/bulk/consolidation.ts';
import { setFingerprint } from '../core/bulk/foreign.ts';
import { planImport, type ImportPlan, type ImportSource } from '../core/bulk/plan-import.ts';
import { decodeQuarantined, type Quarantine, type Quarantined } from '../core/bulk/quarantine.ts';
import { joinSource, verifyManifest, type BulkSource } from '../core/bulk/verify-source.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { recordFields } from '../core/signing/build-trust-list.ts';
import { aftermathOfStores } from '../core/trust/aftermath.ts';
import { encodeTrustRecord } from '../wire/trust-record.ts';
import { acceptPeers, rememberSeen, type Acceptance, type Peers, type RefusedSource } from './bulk-peers.ts';
import { readClusterView, type ClusterView } from './cluster-view.ts';
import { planPublication, type PlannedPublication } from './plan-publication.ts';
import type { TrustOperation } from './trust-operation.ts';

export interface ImportBulkPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly quarantine: Quarantine;
}

export interface ReviewRequest {
  readonly purpose: BulkPurpose;
  readonly accepted: readonly Acceptance[];
  readonly by: string;
}

export interface ImportReview {
  readonly quarantined: Quarantined;
  readonly purpose: BulkPurpose;
  /** Manifests that are believed; empty for a directory. */
  readonly manifests: readonly BulkSource[];
  readonly refused: readonly RefusedSource[];
  /** Of a directory: what a person accepts with `--accept ID=SHA256:…`, and whether somebody did. */
  readonly directory:
    { readonly cluster: string; readonly fingerprint: string; readonly isAccepted: boolean } | undefined;
  readonly plan: ImportPlan;
  /** The CTL as it would be made next; undefined where there is none, or nothing of it changes. */
  readonly publication: PlannedPublication | undefined;
  readonly publishesCtl: boolean;
  readonly phones: number;
}

/** Failure `not-found` when nothing was fetched for this purpose; `format` when it cannot be read any more. */
export function readQuarantined(quarantine: Quarantine, purpose: BulkPurpose): Quarantined {
  const bytes = quarantine.find(purpose);
  if (bytes === undefined)
    throw new Failure('not-found', `nothing was fetched to import for ${purpose}`, {
      hint: 'Look first: the same command without --apply.',
    });
  const quarantined = decodeQuarantined(bytes);
  if (quarantined.ok) return quarantined.value;
  throw new Failure('format', `what was fetched for ${purpose} cannot be read: ${quarantined.error}`, {
    hint: 'Fetch it again: the same command without --apply.',
  });
}

/** Failure `refused` when nothing could be taken over, with every reason. */
export async function reviewImport(ports: ImportBulkPorts, request: ReviewRequest): Promise<ImportReview> {
  const { store, crypto, clock } = ports;
  const quarantined = readQuarantined(ports.quarantine, request.purpose);
  const view = await readClusterView(store, crypto);
  const isForeign = quarantined.content.kind === 'foreign';
  const peers = await acceptPeers(ports, view, isForeign ? [] : request.accepted, request.by);
  const found = isForeign
    ? foreignSource(crypto, quarantined, request.accepted)
    : believedSources(ports, view, peers, quarantined);
  const plan = planImport({
    purpose: request.purpose,
    sources: found.sources,
    rows: factsOf(crypto, await store.listCertificates()),
    untilMs: quarantined.untilMs,
    nowMs: clock.nowMs(),
    by: request.by,
    place: quarantined.place,
  });
  refuseNothing(found.refused, plan);
  await rememberSeen(store, view.cluster.id, found.manifests);
  const publishesCtl = (await store.currentLists()).some(({ kind }) => kind === 'ctl');
  const publication = publishesCtl ? await planCtlAfter(ports, plan) : undefined;
  return {
    quarantined,
    purpose: request.purpose,
    manifests: found.manifests,
    refused: found.refused,
    directory: found.directory,
    plan,
    publication,
    publishesCtl,
    phones: await store.countDevices(),
  };
}

/** The import with the CTL that follows it, for the planner; what lists do not change, the TVS does. */
export function importOperation({ plan, purpose, quarantined, publication }: ImportReview): TrustOperation {
  return {
    operation: `import-bulk --from ${quarantined.place} --purpose ${purpose} --apply`,
    request: {
      change: plan.change,
      ...(publication === undefined ? { listsStay: true } : { kinds: ['ctl'] as const }),
    },
    warnings: [],
    question: 'Take this over?',
    aftermath: aftermathOfStores,
    ...(publication !== undefined && { next: 'tftp-pki update-ctl, then reset-phones --behind' }),
  };
}

/** In one transaction. Failure `refused` for a directory that nobody vouched for. */
export async function applyImport(ports: ImportBulkPorts, review: ImportReview, by: string): Promise<void> {
  const { plan, directory, purpose, quarantined } = review;
  if (directory !== undefined && !directory.isAccepted)
    throw new Failure('refused', `nobody vouched for the files of ${quarantined.place}`, {
      hint: `Compare every fingerprint with its owner, then: --apply --accept ${directory.cluster}=SHA256:${directory.fingerprint}`,
    });
  if (isNothing(plan)) {
    ports.quarantine.discard(purpose);
    return;
  }
  const clusters = [...new Set(plan.landings.map(({ cluster }) => cluster))];
  await ports.store.changeTrust(plan.change, {
    atMs: ports.clock.nowMs(),
    who: by,
    operation: `import-bulk ${purpose}`,
    detail: {
      from: quarantined.place,
      clusters,
      added: (plan.change.addCertificates ?? []).map(({ store, fingerprint }) => `${store} ${fingerprint}`),
      retired: plan.removals.map(({ row }) => `${row.store} ${row.fingerprint}`),
    },
  });
  ports.quarantine.discard(purpose);
}

export function isNothing({ change }: ImportPlan): boolean {
  const { addCertificates = [], landCertificates = [], retireCertificates = [] } = change;
  return addCertificates.length + landCertificates.length + retireCertificates.length === 0;
}

interface Found {
  readonly sources: readonly ImportSource[];
  readonly manifests: readonly BulkSource[];
  readonly refused: readonly RefusedSource[];
  readonly directory: ImportReview['directory'];
}

function believedSources(
  { crypto, clock }: ImportBulkPorts,
  view: ClusterView,
  peers: Peers,
  { content, clusters }: Quarantined,
): Found {
  const decoded = decodeConsolidation(content.kind === 'consolidation' ? content.bytes : new Uint8Array());
  if (!decoded.ok)
    throw new Failure('format', `the consolidation cannot be read: ${decoded.error}`, {
      hint: 'Run consolidate-bulk again; if it stays, ask who else writes to the share.',
    });
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const wanted = decoded.value.sources.filter(
    ({ cluster }) => clusters.length === 0 || clusters.includes(cluster),
  );
  const missing = clusters.find((cluster) => !wanted.some((source) => source.cluster === cluster));
  if (missing !== undefined)
    throw new Failure('not-found', `${printable(missing)} is not in the exchange`, {
      hint: 'It has to run export-bulk, and one cluster consolidate-bulk after it.',
    });
  const manifests: BulkSource[] = [];
  const refused: RefusedSource[] = [];
  for (const { cluster, manifest, certificates } of wanted) {
    const signed = verifyManifest(crypto, manifest, cluster, nowSeconds);
    const refusal = signed.ok ? peers.judge(signed.value) : undefined;
    const joined = signed.ok ? joinSource(signed.value, readAll(crypto, certificates)) : signed;
    if (refusal !== undefined) refused.push({ cluster, ...refusal });
    else if (joined.ok) manifests.push(joined.value);
    else
      refused.push({
        cluster,
        reason: `its manifest is not believed: ${joined.error}`,
        hint: 'Let that cluster export and one cluster consolidate again; if it stays, ask who else writes to the share.',
      });
  }
  const foreign = manifests.filter(({ manifest }) => manifest.cluster !== view.cluster.id);
  const sources = foreign.map(({ manifest, certificates }) => ({ cluster: manifest.cluster, certificates }));
  return { sources, manifests: foreign, refused, directory: undefined };
}

function foreignSource(crypto: Crypto, { content }: Quarantined, accepted: readonly Acceptance[]): Found {
  if (content.kind !== 'foreign') return { sources: [], manifests: [], refused: [], directory: undefined };
  const { cluster } = content;
  const certificates = content.certificates.flatMap(({ type, der }) => {
    const certificate = crypto.readCertificate(der);
    return certificate === undefined ? [] : [{ entry: { node: '', type }, certificate }];
  });
  const named = certificates.map(({ entry, certificate: { fingerprint } }) => ({
    type: entry.type,
    fingerprint,
  }));
  const fingerprint = setFingerprint(crypto, named);
  const isAccepted = accepted.some((each) => each.cluster === cluster && each.fingerprint === fingerprint);
  return {
    sources: [{ cluster, certificates }],
    manifests: [],
    refused: [],
    directory: { cluster, fingerprint, isAccepted },
  };
}

/** What cannot be read is missing where the manifest names it. */
function readAll(crypto: Crypto, ders: readonly Uint8Array[]): readonly CertificateFacts[] {
  return ders.flatMap((der) => crypto.readCertificate(der) ?? []);
}

function factsOf(crypto: Crypto, rows: Awaited<ReturnType<Store['listCertificates']>>) {
  return rows.flatMap((row) => {
    const certificate = crypto.readCertificate(row.der);
    return certificate === undefined ? [] : [{ row, certificate }];
  });
}

function refuseNothing(refused: readonly RefusedSource[], { landings, removals, leftOut }: ImportPlan): void {
  if (landings.length + removals.length > 0) return;
  const lines = [
    ...refused.map(({ cluster, reason }) => `${cluster}: ${reason}`),
    ...leftOut.map(
      ({ cluster, certificate, reason }) =>
        `${cluster}: ${printable(certificate.subject)} is left out: ${reason}`,
    ),
  ];
  throw new Failure('refused', ['there is nothing to take over', ...lines].join('\n'), {
    hint:
      refused[0]?.hint ??
      leftOut[0]?.hint ??
      'The others have to export the types that this purpose takes: export-bulk --types all.',
  });
}

/** Undefined when the CTL stays as it is. Failure `refused` when no phone could load it. */
async function planCtlAfter(
  ports: Pick<ImportBulkPorts, 'store' | 'crypto'>,
  { change }: ImportPlan,
): Promise<PlannedPublication | undefined> {
  const planned = await planPublication(ports, { change, kinds: ['ctl'] });
  const ctl = planned.lists.find(({ kind }) => kind === 'ctl');
  if (ctl?.plan === undefined || ctl.diff.length === 0) return undefined;
  const bytes = ctl.plan.records.reduce(
    (sum, record) => sum + (encodeTrustRecord(recordFields(record))?.length ?? trustListBytesMax),
    0,
  );
  if (bytes > trustListBytesMax)
    throw new Failure(
      'refused',
      `the CTL would have ${ctl.plan.records.length} records of ${bytes} bytes: more than ${trustListBytesMax} load on no phone`,
      { hint: 'About 39 certificates fit: name the clusters that are needed with --cluster.' },
    );
  return planned;
}

/**
 * Makes a cluster: keys and self-signed certificates, then the rows, then the first generation of lists.
 * Keys are durable before anything names them. Killed at any point, the same call finishes what it began;
 * refused when the cluster and its lists are there already.
 */
import { Failure } from '../base/errors.ts';
import type { AuditEntry } from '../core/audit/audit-chain.ts';
import type { CertificatePurpose, Cluster, ClusterMode } from '../core/cluster/model.ts';
import type { HashName } from '../wire/algorithm.ts';
import type { IssueRequest, Issuer, NewCertificate, WallClock } from '../core/ports.ts';
import { readClusterView } from './cluster-view.ts';
import type { NewKey } from './new-keys.ts';
import { planPublication } from './plan-publication.ts';
import { publishLists, type PublishPorts } from './publish-lists.ts';

export interface InitPorts extends PublishPorts {
  readonly issuer: Issuer;
}

export interface InitRequest {
  readonly clusterId: string;
  readonly nodeName: string;
  readonly mode: ClusterMode;
  readonly hash: HashName;
  /** Who did it, for the certificates' provenance. */
  readonly by: string;
}

export interface InitResult {
  readonly cluster: Cluster;
  readonly generation: number;
}

/** What a new node needs; TFTP-EC speaks TLS on 6971. */
export const ownPurposes: readonly CertificatePurpose[] = [
  'itlrecovery',
  'callmanager',
  'tvs',
  'capf',
  'tftp-ec',
];
/** Certificates of the whole cluster, not of one node. */
export const clusterWidePurposes: ReadonlySet<CertificatePurpose> = new Set<CertificatePurpose>([
  'itlrecovery',
  'capf',
]);

export async function initCluster(ports: InitPorts, request: InitRequest): Promise<InitResult> {
  const existing = await ports.store.readCluster();
  if (existing !== undefined && (await ports.store.currentLists()).length > 0)
    throw new Failure('refused', `cluster ${existing.id} exists in this data folder`, {
      hint: 'Name another folder with --data, or look at it with tftp-pki status.',
    });
  if (existing === undefined) await createRows(ports, request);
  const planned = await planPublication(ports, {});
  const generation = await publishLists(ports, { planned, who: request.by, operation: 'init' });
  return { cluster: (await readClusterView(ports.store, ports.crypto)).cluster, generation };
}

async function createRows(ports: InitPorts, request: InitRequest): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const certificates: NewCertificate[] = [];
  for (const purpose of ownPurposes)
    certificates.push(await issueAndKeep(ports, request, purpose, 'init', nowMs));
  await ports.store.createCluster(
    { id: request.clusterId, mode: request.mode, hash: request.hash, createdMs: nowMs },
    { name: request.nodeName, createdMs: nowMs },
    certificates,
    auditOf(ports.clock, 'init', request),
  );
}

interface NewCluster {
  readonly clusterId: string;
  readonly nodeName: string;
  /** Who did it. */
  readonly by: string;
}

export function auditOf(
  clock: WallClock,
  operation: 'init' | 'adopt',
  { clusterId, nodeName, mode, by }: NewCluster & { readonly mode: ClusterMode },
): AuditEntry {
  return { atMs: clock.nowMs(), who: by, operation, detail: { cluster: clusterId, node: nodeName, mode } };
}

/** A key that is durable, and the row that will name it. */
export async function issueAndKeep(
  ports: InitPorts,
  cluster: NewCluster,
  purpose: CertificatePurpose,
  operation: 'init' | 'adopt',
  nowMs: number,
): Promise<NewCertificate> {
  const { row, key } = await issueFresh(ports, cluster, purpose, operation, nowMs);
  await ports.keyFiles.save(key.fingerprint, key.encryptedKeyPem);
  return row;
}

/** A key that is nowhere yet, and the row that will name it. */
export async function issueFresh(
  ports: Pick<InitPorts, 'issuer'>,
  { clusterId, nodeName, by }: NewCluster,
  purpose: CertificatePurpose,
  operation: 'init' | 'adopt' | 'join-node',
  nowMs: number,
): Promise<{ readonly row: NewCertificate; readonly key: NewKey }> {
  const order: IssueRequest = { purpose, clusterId, nodeName, notBeforeMs: nowMs };
  const { certificate, encryptedKeyPem } = await ports.issuer.issue(order);
  const { der, fingerprint } = certificate;
  const row: NewCertificate = {
    store: 'own',
    purpose,
    node: clusterWidePurposes.has(purpose) ? undefined : nodeName,
    der,
    fingerprint,
    provenance: `issued by ${operation}, ${by}`,
    addedMs: nowMs,
  };
  return { row, key: { fingerprint, encryptedKeyPem } };
}

/** Failure `usage` with the allowed form. */
export function refuseClusterNames({
  clusterId,
  nodeName,
}: Pick<NewCluster, 'clusterId' | 'nodeName'>): void {
  refuseName(
    'cluster id',
    clusterId,
    /^[A-Za-z0-9.-]{1,50}$/,
    'Use up to 50 letters, digits, dots and hyphens.',
  );
  refuseName(
    'node name',
    nodeName,
    /^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/,
    'Use the host name that phones know.',
  );
}

function refuseName(what: string, value: string, allowed: RegExp, hint: string): void {
  if (!allowed.test(value)) throw new Failure('usage', `${JSON.stringify(value)} is no ${what}`, { hint });
}

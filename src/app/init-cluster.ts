/**
 * Makes a cluster: keys and self-signed certificates, then the rows, then the first generation of lists.
 * Keys are durable before anything names them. Killed at any point, the same call finishes what it began;
 * refused when the cluster and its lists are there already.
 */
import { Failure } from '../base/errors.ts';
import type { AuditEntry } from '../core/audit/audit-chain.ts';
import type { CertificatePurpose, Cluster, ClusterMode } from '../core/cluster/model.ts';
import type { HashName } from '../wire/algorithm.ts';
import type { IssueRequest, Issuer, NewCertificate } from '../core/ports.ts';
import { readClusterView } from './cluster-view.ts';
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
const purposes: readonly CertificatePurpose[] = ['itlrecovery', 'callmanager', 'tvs', 'capf', 'tftp-ec'];
/** Certificates of the whole cluster, not of one node. */
const clusterWide: ReadonlySet<CertificatePurpose> = new Set<CertificatePurpose>(['itlrecovery', 'capf']);

export async function initCluster(ports: InitPorts, request: InitRequest): Promise<InitResult> {
  refuseName(
    'cluster id',
    request.clusterId,
    /^[A-Za-z0-9.-]{1,50}$/,
    'Use up to 50 letters, digits, dots and hyphens.',
  );
  refuseName(
    'node name',
    request.nodeName,
    /^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/,
    'Use the host name that phones know.',
  );
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
  for (const purpose of purposes) certificates.push(await issueAndKeep(ports, request, purpose, nowMs));
  await ports.store.createCluster(
    { id: request.clusterId, mode: request.mode, hash: request.hash, createdMs: nowMs },
    { name: request.nodeName, createdMs: nowMs },
    certificates,
    auditOf(ports, request),
  );
}

function auditOf({ clock }: InitPorts, { clusterId, nodeName, mode, by }: InitRequest): AuditEntry {
  return {
    atMs: clock.nowMs(),
    who: by,
    operation: 'init',
    detail: { cluster: clusterId, node: nodeName, mode },
  };
}

async function issueAndKeep(
  ports: InitPorts,
  request: InitRequest,
  purpose: CertificatePurpose,
  nowMs: number,
): Promise<NewCertificate> {
  const order: IssueRequest = {
    purpose,
    clusterId: request.clusterId,
    nodeName: request.nodeName,
    notBeforeMs: nowMs,
  };
  const { certificate, encryptedKeyPem } = await ports.issuer.issue(order);
  await ports.keyFiles.save(certificate.fingerprint, encryptedKeyPem);
  return {
    store: 'own',
    purpose,
    node: clusterWide.has(purpose) ? undefined : request.nodeName,
    der: certificate.der,
    fingerprint: certificate.fingerprint,
    provenance: `issued by init, ${request.by}`,
    addedMs: nowMs,
  };
}

function refuseName(what: string, value: string, allowed: RegExp, hint: string): void {
  if (!allowed.test(value)) throw new Failure('usage', `${JSON.stringify(value)} is no ${what}`, { hint });
}

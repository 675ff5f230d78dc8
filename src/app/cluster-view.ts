/** The cluster as the planners want it: rows of the database joined with the facts of their certificates. */
import { Failure } from '../base/errors.ts';
import type {
  CertificateStoreName,
  Cluster,
  ClusterNode,
  Rotation,
  StoredCertificate,
} from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, TrustChange } from '../core/ports.ts';
import type { OwnCertificate, TrustInput } from '../core/trust/trust-plan.ts';

export interface ClusterView {
  readonly cluster: Cluster;
  /** Of this folder; undefined where the cluster has one node. */
  readonly thisNode: string | undefined;
  readonly nodes: readonly ClusterNode[];
  /** Of one purpose and node the one in use comes first. */
  readonly certificates: readonly StoredCertificate[];
  readonly rotations: readonly Rotation[];
  readonly own: readonly OwnCertificate[];
  readonly foreignSasts: readonly CertificateFacts[];
  readonly foreignFileSigners: readonly CertificateFacts[];
}

/** Failure `not-found` in a data folder without a cluster, `storage-corrupt` for a certificate that cannot be read. */
export async function readClusterView(store: Store, crypto: Crypto): Promise<ClusterView> {
  const cluster = await store.readCluster();
  if (cluster === undefined)
    throw new Failure('not-found', 'there is no cluster in this data folder', {
      hint: 'tftp-pki init --cluster ID --data DIR',
    });
  return viewOf(
    crypto,
    cluster,
    store.thisNode,
    await store.listNodes(),
    await store.listCertificates(),
    await store.listRotations(),
  );
}

/** The cluster as it will be when `change` is made; nothing is written. */
export function viewAfter(crypto: Crypto, view: ClusterView, change: TrustChange): ClusterView {
  const { addCertificates = [], retireCertificates = [], landCertificates = [] } = change;
  const { addNodes = [], removeNodes = [], renameNodes = [] } = change;
  const { mode = view.cluster.mode, hash = view.cluster.hash, rotation } = change;
  // Rows get their ids when they are written; until then they stand behind all others, as they will.
  const added = addCertificates.map((certificate) => ({
    ...certificate,
    id: Infinity,
    retiredMs: undefined,
  }));
  const landed = new Map(landCertificates.map((each) => [each.id, each.landed]));
  const kept = view.certificates
    .filter(({ id }) => !retireCertificates.includes(id))
    .map((row) => ({ ...row, landed: landed.get(row.id) ?? row.landed }));
  const others = view.rotations.filter(({ purpose }) => purpose !== rotation?.purpose);
  const rotations =
    rotation === undefined
      ? view.rotations
      : rotation.to === undefined
        ? others
        : [...others, { purpose: rotation.purpose, ...rotation.to }];
  const hosts = new Map(renameNodes.map(({ name, host }) => [name, host]));
  const staying = view.nodes.filter(({ name }) => !removeNodes.includes(name));
  const renamed = staying.map((node) => ({ ...node, host: hosts.get(node.name) ?? node.host }));
  const nodes = [...renamed, ...addNodes];
  return viewOf(
    crypto,
    { ...view.cluster, mode, hash },
    view.thisNode,
    nodes,
    [...kept, ...added],
    rotations,
  );
}

function viewOf(
  crypto: Crypto,
  cluster: Cluster,
  thisNode: string | undefined,
  nodes: readonly ClusterNode[],
  rows: readonly StoredCertificate[],
  rotations: readonly Rotation[],
): ClusterView {
  const switched = new Set(rotations.filter(({ step }) => step === 'switched').map(({ fresh }) => fresh));
  const inForce = rows.filter((stored) => stored.retiredMs === undefined);
  const isFirst = ({ fingerprint, store }: StoredCertificate): boolean =>
    store === 'own' && switched.has(fingerprint);
  const certificates = [...inForce.filter(isFirst), ...inForce.filter((stored) => !isFirst(stored))];
  const facts = (stored: StoredCertificate): CertificateFacts => {
    const read = crypto.readCertificate(stored.der);
    if (read === undefined)
      throw new Failure('storage-corrupt', `certificate ${stored.id} of the database cannot be read`, {
        hint: 'Restore the data folder from a backup.',
      });
    return read;
  };
  const standingIn = (store: CertificateStoreName): readonly CertificateFacts[] =>
    certificates.filter((stored) => stored.store === store).map(facts);
  return {
    cluster,
    thisNode,
    nodes,
    certificates,
    rotations,
    own: certificates.flatMap((stored) =>
      stored.store === 'own' && stored.purpose !== undefined
        ? [{ purpose: stored.purpose, node: stored.node, certificate: facts(stored) }]
        : [],
    ),
    foreignSasts: standingIn('phone-sast-trust'),
    foreignFileSigners: standingIn('phone-tftp-trust'),
  };
}

/** The node of this data folder. Failure `refused` when it was removed from the cluster. */
export function thisNodeOf({ thisNode, nodes }: ClusterView): ClusterNode {
  const node = thisNode === undefined ? nodes[0] : nodes.find(({ name }) => name === thisNode);
  if (node !== undefined) return node;
  if (thisNode === undefined) throw new Failure('storage-corrupt', 'the database names no node');
  throw new Failure('refused', `the node ${thisNode} is not in the cluster`, {
    hint: 'tftp-pki join-node brings a node into it.',
  });
}

/** For the lists of one node, this one unless another is named. */
export function trustInputOf(view: ClusterView, node = thisNodeOf(view).name): TrustInput {
  return {
    thisNode: node,
    mode: view.cluster.mode,
    nodes: view.nodes,
    own: view.own,
    foreignSasts: view.foreignSasts,
    foreignFileSigners: view.foreignFileSigners,
  };
}

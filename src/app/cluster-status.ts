/** What `status` tells: the cluster, its certificates by expiry, the published lists, the devices. */
import { Failure } from '../base/errors.ts';
import { nodeStateEveryMs } from '../base/limits-database.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import type { CertificatePurpose, Cluster, NodeState, TrustListKind } from '../core/cluster/model.ts';
import type { CertificateJudge, Crypto, Store } from '../core/ports.ts';
import { daysLeft } from '../core/trust/expiry.ts';
import { decodeTrustList } from '../wire/trust-list.ts';
import { readClusterView } from './cluster-view.ts';
import { misnamedCertificates, type Misnamed } from './rename-node.ts';
import { outdatedLists, type OutdatedList } from './outdated-lists.ts';

export interface ClusterStatus {
  readonly cluster: Cluster;
  readonly nodes: readonly string[];
  /** Nodes that phones know by another name. */
  readonly renamed: readonly { readonly node: string; readonly host: string }[];
  readonly misnamed: readonly Misnamed[];
  /** Of the database: how often what is served has changed. */
  readonly version: number;
  /** Of the nodes that serve from it; empty where the database lies in the folder. */
  readonly serving: readonly ServingNode[];
  readonly certificates: readonly {
    readonly purpose: CertificatePurpose;
    readonly node: string | undefined;
    readonly subject: string;
    readonly fingerprint: string;
    /** Seconds since the epoch. */
    readonly notAfter: number;
    /** Whole days, negative when expired. */
    readonly daysLeft: number;
  }[];
  readonly lists: readonly {
    readonly kind: TrustListKind;
    readonly generation: number;
    readonly node: string;
    readonly bytes: number;
    readonly records: number;
    readonly sha256: string;
    readonly signer: string;
    readonly timestamp: number;
  }[];
  /** Lists that no longer say what the database says; undefined with the reason when they cannot be planned anew. */
  readonly outdated: Outcome<readonly OutdatedList[], string>;
  readonly devices: number;
}

export interface ServingNode {
  readonly node: string;
  /** Undefined: it has never served. */
  readonly version: number | undefined;
  /** Versions of the database that it does not serve yet. */
  readonly behind: number;
  readonly servedForMs: number;
  readonly silentForMs: number;
  readonly state: 'up to date' | 'behind' | 'silent' | 'never served';
}

function servingNode(name: string, states: readonly NodeState[], newest: number): ServingNode {
  const state = states.find(({ node }) => node === name);
  if (state === undefined)
    return {
      node: name,
      version: undefined,
      behind: newest,
      servedForMs: 0,
      silentForMs: 0,
      state: 'never served',
    };
  const { version, servedForMs, silentForMs } = state;
  const behind = Math.max(0, newest - version);
  const isSilent = silentForMs > 3 * nodeStateEveryMs;
  return {
    node: name,
    version,
    behind,
    servedForMs,
    silentForMs,
    state: isSilent ? 'silent' : behind === 0 ? 'up to date' : 'behind',
  };
}

export async function clusterStatus(
  ports: { readonly store: Store; readonly crypto: Crypto; readonly certificates: CertificateJudge },
  nowSeconds: number,
): Promise<ClusterStatus> {
  const view = await readClusterView(ports.store, ports.crypto);
  const lists = await ports.store.currentLists();
  const states = await ports.store.listNodeStates();
  const version = await ports.store.version();
  return {
    cluster: view.cluster,
    nodes: view.nodes.map((node) => node.name),
    renamed: view.nodes.flatMap(({ name, host }) => (host === undefined ? [] : [{ node: name, host }])),
    misnamed: misnamedCertificates(ports.certificates, view),
    version,
    serving: states.length === 0 ? [] : view.nodes.map(({ name }) => servingNode(name, states, version)),
    certificates: view.own.map(({ purpose, node, certificate }) => ({
      purpose,
      node,
      subject: certificate.subject,
      fingerprint: certificate.fingerprint,
      notAfter: certificate.notAfter,
      daysLeft: daysLeft(certificate.notAfter, nowSeconds),
    })),
    lists: lists.map((list) => {
      const decoded = decodeTrustList(list.bytes);
      const records = decoded.ok ? decoded.value.records.length : 0;
      const { kind, generation, node, bytes, sha256, signer, timestamp } = list;
      return { kind, generation, node, bytes: bytes.length, records, sha256, signer, timestamp };
    }),
    outdated: await whetherOutdated(ports, nowSeconds * 1000),
    devices: await ports.store.countDevices(),
  };
}

/** A cluster whose next lists would be refused has a status all the same. */
async function whetherOutdated(
  ports: { readonly store: Store; readonly crypto: Crypto },
  nowMs: number,
): Promise<ClusterStatus['outdated']> {
  try {
    return good(await outdatedLists(ports, nowMs));
  } catch (error) {
    if (error instanceof Failure && error.code === 'refused') return bad(error.message);
    throw error;
  }
}

/**
 * The database of a cluster as one value, for histories of thousands of changes: what planner and publisher ask of a
 * `Store`, by the rules of src/store where these are functions. Whoever keeps the value has a backup. What no history
 * asks is not there, and a call of it fails the test.
 */
import type {
  Cluster,
  ClusterNode,
  NodeState,
  PublishedList,
  Rotation,
  StoredCertificate,
} from '../../src/core/cluster/model.ts';
import type { DeviceHome, RemoteList } from '../../src/core/cluster/remote-store.ts';
import type { RemoteCluster } from '../../src/core/cluster/remote.ts';
import type { FieldState, NewCertificate, Store, TrustChange } from '../../src/core/ports.ts';
import type { SharedBeliefs } from '../../src/core/trust/belief-store.ts';
import { continuationOf } from '../../src/store/restore.ts';
import { nextTimestamp, signedKey, type LastSigned } from '../../src/store/tables/signed-timestamp.ts';

export const modelOfAll = 'CP-8851';

/** Never changed: a change makes another one. */
export interface Rows {
  readonly cluster: Cluster;
  readonly nodes: readonly ClusterNode[];
  readonly devices: readonly string[];
  readonly certificates: readonly StoredCertificate[];
  readonly rotations: readonly Rotation[];
  readonly published: readonly PublishedList[];
  /** The generation in force. */
  readonly current: number | undefined;
  /** The highest number that a generation ever had. */
  readonly last: number;
  readonly floorSeconds: number;
  readonly signed: ReadonlyMap<string, LastSigned>;
  readonly homes: ReadonlyMap<string, DeviceHome>;
}

/** The database that one node or several open. */
export interface Database {
  rows: Rows;
  /** The publisher's last check is left out: for what would have happened. */
  unguarded: boolean;
  readonly remotes: readonly RemoteCluster[];
  readonly remoteLists: readonly RemoteList[];
  readonly shared: () => readonly SharedBeliefs[];
  /** Where several nodes serve: what each last said. */
  readonly states?: readonly NodeState[];
}

export function currentLists({ published, current }: Rows): readonly PublishedList[] {
  return published.filter(({ generation }) => generation === current);
}

/** As the node of that name opens it; undefined where it is the only one. */
export function memoryStore(database: Database, thisNode: string | undefined): Store {
  const rows = (): Rows => database.rows;
  const change = (more: Partial<Rows>): void => {
    database.rows = { ...database.rows, ...more };
  };
  const store: Partial<Store> = {
    thisNode,
    readCluster: () => Promise.resolve(rows().cluster),
    listNodes: () => Promise.resolve(rows().nodes),
    listCertificates: () => Promise.resolve(rows().certificates),
    listRotations: () => Promise.resolve(rows().rotations),
    listPublished: () => Promise.resolve(rows().published),
    currentLists: () => Promise.resolve(currentLists(rows())),
    listDeviceNames: () => Promise.resolve(rows().devices),
    listDeviceModels: () => Promise.resolve(rows().devices.map((name) => ({ name, model: modelOfAll }))),
    listNodeStates: () => Promise.resolve(database.states ?? []),
    listSharedBeliefs: () => Promise.resolve(database.shared()),
    listTvsReports: () => Promise.resolve([]),
    recordAudit: () => Promise.resolve(),
    listAudit: () => Promise.resolve([]),
    listRemotes: () => Promise.resolve(database.remotes),
    listRemoteLists: () => Promise.resolve(database.remoteLists),
    findHome: (device) => Promise.resolve(rows().homes.get(device)),
    findDevice: (device) => Promise.resolve(rows().devices.includes(device) ? deviceOf(device) : undefined),
    moveHomes: (devices, home, { atMs }) => {
      const moved = devices.map((device) => [device, { device, home, confirmedMs: atMs }] as const);
      change({ homes: new Map([...rows().homes, ...moved]) });
      return Promise.resolve();
    },
    homesMovedAfter: (ms) =>
      Promise.resolve([...rows().homes.values()].filter(({ confirmedMs }) => confirmedMs > ms)),
    addCertificate: (certificate) => {
      const certificates = withNew(rows().certificates, [certificate]);
      change({ certificates });
      return Promise.resolve(certificates.length);
    },
    retireCertificate: (id) => {
      change({ certificates: withoutRetired(rows().certificates, [id]) });
      return Promise.resolve();
    },
    publish: (lists, check, _, trust = {}) => {
      const generation = rows().last + 1;
      const staged = lists.map((list) => ({ ...list, generation }));
      if (!database.unguarded) check(staged, currentLists(rows()));
      change({
        ...changed(rows(), trust),
        published: [...rows().published, ...staged],
        current: generation,
        last: generation,
      });
      return Promise.resolve(generation);
    },
    signedTimestamp: (name, signer, contentSha256, leastSeconds) => {
      const key = signedKey({ signer, name });
      const least = Math.max(leastSeconds, rows().floorSeconds);
      const timestamp = nextTimestamp(rows().signed.get(key), contentSha256, least);
      change({ signed: new Map([...rows().signed, [key, { contentSha256, timestamp }]]) });
      return Promise.resolve(timestamp);
    },
    fieldState: () => Promise.resolve(fieldState(rows())),
    continueAbove: (field) => {
      const { adopted, current, last, floorSeconds } = continuationOf(fieldState(rows()), field);
      const lists = adopted.flatMap(({ number, lists: all }) =>
        all.map((list) => ({ ...list, generation: number })),
      );
      const published = [...rows().published, ...lists].toSorted((a, b) => a.generation - b.generation);
      change({ published, last, floorSeconds, ...(current !== undefined && { current }) });
      return Promise.resolve();
    },
  };
  return store as Store;
}

function changed(rows: Rows, { addCertificates = [], retireCertificates = [], ...trust }: TrustChange) {
  const { mode = rows.cluster.mode, hash = rows.cluster.hash, renameNodes = [], rotation } = trust;
  const hosts = new Map(renameNodes.map(({ name, host }) => [name, host]));
  const others = rows.rotations.filter(({ purpose }) => purpose !== rotation?.purpose);
  return {
    cluster: { ...rows.cluster, mode, hash },
    nodes: rows.nodes.map((node) => ({ ...node, host: hosts.get(node.name) ?? node.host })),
    certificates: withNew(withoutRetired(rows.certificates, retireCertificates), addCertificates),
    rotations:
      rotation?.to === undefined ? others : [...others, { purpose: rotation.purpose, ...rotation.to }],
  };
}

function withNew(
  rows: readonly StoredCertificate[],
  added: readonly NewCertificate[],
): readonly StoredCertificate[] {
  return [...rows, ...added.map((row, at) => ({ ...row, id: rows.length + at + 1, retiredMs: undefined }))];
}

function withoutRetired(
  rows: readonly StoredCertificate[],
  ids: readonly number[],
): readonly StoredCertificate[] {
  return rows.map((row) => (ids.includes(row.id) ? { ...row, retiredMs: 1 } : row));
}

function fieldState(rows: Rows): FieldState {
  const lists = currentLists(rows);
  const signed = [...rows.signed.values(), ...lists].map(({ timestamp }) => timestamp);
  return {
    generation: rows.last,
    timestampSeconds: Math.max(rows.floorSeconds, ...signed),
    lists,
    published: rows.published,
  };
}

function deviceOf(name: string): Awaited<ReturnType<Store['findDevice']>> {
  return {
    name,
    model: modelOfAll,
    protocol: 'SIP',
    security: 'none',
    lines: [],
    certificateDer: undefined,
    addedMs: 0,
  };
}

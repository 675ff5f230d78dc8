/**
 * The field as commands see it: every device of the database with the pairs it may hold. What was being served when the
 * server last wrote may have reached anybody since, so the newest lists are in every set.
 */
import type { PublishedList, StoredCertificate } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { BeliefSets, unknown, type PairKey, type SetId } from '../core/trust/belief.ts';
import type { Delivery, Gap, Showing, UnansweredConfig } from '../core/trust/belief-book.ts';
import type { BeliefSource, HeardBeliefs } from '../core/trust/belief-store.ts';
import { endsOf } from '../core/trust/list-age.ts';
import { readShownServer, type Handshake } from '../core/trust/handshake.ts';
import {
  createAfterHandshake,
  createAfterShowing,
  indexBeliefs,
  mergeBeliefs,
} from '../core/trust/merge-beliefs.ts';
import { beliefsAccept, explainsBy, ListLibrary, type Acceptance } from '../core/trust/list-library.ts';
import type { HashName } from '../wire/algorithm.ts';
import { withDeliveries, type FieldGroup, type FieldPhone } from '../core/trust/strand.ts';

export interface FieldPorts extends BeliefSource {
  /** Models that were seen to read SHA-512; of every other one nobody knows. */
  readonly sha512Models: readonly string[];
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
}

export interface FieldDevice extends FieldPhone {
  readonly set: SetId;
  /** Somebody said so of its model. */
  readonly readsSha512: boolean;
  readonly address: string;
  readonly deliveries: readonly Delivery[];
  readonly provedMs: number | undefined;
  readonly showed?: Showing | undefined;
  readonly handshakes?: readonly Handshake[] | undefined;
  readonly unansweredConfigs: number;
  readonly unanswered?: readonly UnansweredConfig[] | undefined;
}

export interface Field {
  readonly library: ListLibrary;
  readonly sets: BeliefSets;
  /** By name. */
  readonly devices: readonly FieldDevice[];
  /** Phones of which the same is known, together. */
  readonly groups: readonly FieldGroup[];
  readonly current: readonly PublishedList[];
  /** Of every generation. */
  readonly published: readonly PublishedList[];
  readonly gaps: readonly Gap[];
}

/** The server writes every second; a publication of the last minute may not have been told of yet. */
const recentMs = 60_000;
/** So long after a publication an edge may give out what was published before. */
const servedOnMs = 5_000;

export async function readField(ports: FieldPorts): Promise<Field> {
  const { store, crypto, clock } = ports;
  const nodes = (await heardBeliefs(ports)).map(indexBeliefs);
  const published = await store.listPublished();
  const current = await store.currentLists();
  const silentForMs = await longestSilence(store);
  const newest = servedWithin(published, current, clock.nowMs() - Math.max(recentMs, silentForMs));
  // Nodes tell each other within seconds: a phone that was never heard may just have been, by another node.
  const isOnlyNode = (await store.listNodes()).length < 2;
  const ends = endsOf(published);
  const sets = new BeliefSets();
  const library = new ListLibrary(crypto, published);
  const rows = await store.listCertificates();
  const after = {
    showing: createAfterShowing(
      sets,
      explainsBy(() => library),
      findCertificates(crypto, rows),
    ),
    handshake: createAfterHandshake(sets, library, (made) => readShownServer(crypto, rows, made)),
  };
  const models = new Set(ports.sha512Models);
  const moved = new Map((await store.homesMovedAfter(0)).map((home) => [home.device, home.confirmedMs]));
  const devices = (await store.listDeviceModels()).toSorted(byName).map(({ name, model }): FieldDevice => {
    const { set: believed, ...rest } = mergeBeliefs(sets, nodes, name, after);
    // What another cluster gave it since, nobody here knows, until it shows that it believes us.
    const wasElsewhere = (moved.get(name) ?? 0) > (rest.showed?.atMs ?? 0);
    const set = wasElsewhere ? sets.add(believed, [unknown]) : believed;
    const heard = { ...rest, readsSha512: models.has(model) };
    // Who was never heard of was given nothing.
    if (heard.heardMs === 0 && isOnlyNode) return { name, set, ...heard };
    // Rows are written as they were heard: whoever was heard after the end of a list has all of it in its set.
    const isUntold = ({ sha256 }: PublishedList): boolean =>
      !isOnlyNode || heard.heardMs < (ends.get(sha256) ?? Infinity) + servedOnMs;
    return { name, set: withDeliveries(sets, set, newest.filter(isUntold)), ...heard };
  });
  return {
    library,
    sets,
    devices,
    groups: groupsOf(sets, devices),
    current,
    published,
    gaps: nodes.flatMap(({ gaps }) => gaps),
  };
}

/** By fingerprint; those of the past too, read when they are asked for. */
function findCertificates(
  crypto: Crypto,
  certificates: readonly StoredCertificate[],
): (fingerprint: string) => CertificateFacts | undefined {
  const rows = new Map(certificates.map(({ fingerprint, der }) => [fingerprint, der]));
  return (fingerprint) => {
    const der = rows.get(fingerprint);
    return der && crypto.readCertificate(der);
  };
}

/**
 * Would the device take a file by this signer, with this hash? `reject` and `accept` are said only when every pair it may hold says so;
 * the evidence that another signer than its home's may be shown to it (design.md §4).
 */
export function deviceAccepts(
  field: Field,
  device: string,
  signer: CertificateFacts,
  hash: HashName,
): Acceptance {
  const found = field.devices.find(({ name }) => name === device);
  const pairs: readonly PairKey[] = found === undefined ? [] : field.sets.pairs(found.set);
  const word = beliefsAccept(field.library, pairs, signer);
  // Who may read SHA-1 alone may believe nothing that is signed with SHA-512.
  return word === 'accept' && hash === 'sha512' && found?.readsSha512 !== true ? 'unknown' : word;
}

function groupsOf(sets: BeliefSets, devices: readonly FieldDevice[]): readonly FieldGroup[] {
  const groups = new Map<string, FieldGroup & { readonly phones: FieldPhone[] }>();
  for (const device of devices) {
    const { set, readsSha512 } = device;
    const word = `${set} ${readsSha512}`;
    const group = groups.get(word);
    if (group) group.phones.push(device);
    else groups.set(word, { pairs: sets.pairs(set), readsSha512, phones: [device] });
  }
  return [...groups.values()];
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Of this folder from its file, which is a second old at most; of the other nodes as they told. */
async function heardBeliefs(ports: FieldPorts): Promise<readonly HeardBeliefs[]> {
  const { store } = ports;
  const shared = await store.listSharedBeliefs();
  return [ports.readBeliefs(), ...shared.filter(({ node }) => node !== store.thisNode)];
}

/** Of a node that is in the cluster and does not tell what it gives to phones: it may go on serving its last copy. */
async function longestSilence(store: Store): Promise<number> {
  const inCluster = new Set((await store.listNodes()).map(({ name }) => name));
  const silent = (await store.listNodeStates()).filter(
    ({ node, silentForMs }) => inCluster.has(node) && silentForMs > recentMs,
  );
  return Math.max(0, ...silent.map(({ silentForMs }) => silentForMs));
}

/** In force at some moment since `sinceMs`. */
function servedWithin(
  published: readonly PublishedList[],
  current: readonly PublishedList[],
  sinceMs: number,
): readonly PublishedList[] {
  const before = published.filter(({ publishedMs }) => publishedMs <= sinceMs);
  const generation = Math.max(-1, ...before.map((list) => list.generation));
  return published.filter(
    (list) =>
      list.publishedMs > sinceMs ||
      list.generation === generation ||
      current.some(({ sha256 }) => sha256 === list.sha256),
  );
}

/**
 * The field as commands see it: every device of the database with the pairs it may hold. What was being served when the
 * server last wrote may have reached anybody since, so the newest lists are in every set.
 */
import type { PublishedList } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { BeliefSets, type PairKey, type SetId } from '../core/trust/belief.ts';
import { setWithGaps, type Delivery, type Gap } from '../core/trust/belief-book.ts';
import type { BeliefSource, StoredBelief } from '../core/trust/belief-store.ts';
import { beliefsAccept, ListLibrary, type Acceptance } from '../core/trust/list-library.ts';
import { withDeliveries, type FieldGroup, type FieldPhone } from '../core/trust/strand.ts';

export interface FieldPorts extends BeliefSource {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
}

export interface FieldDevice extends FieldPhone {
  readonly set: SetId;
  readonly address: string;
  readonly deliveries: readonly Delivery[];
  readonly provedMs: number | undefined;
  readonly unansweredConfigs: number;
}

export interface Field {
  readonly library: ListLibrary;
  readonly sets: BeliefSets;
  /** By name. */
  readonly devices: readonly FieldDevice[];
  /** Phones that share a set, together. */
  readonly groups: readonly FieldGroup[];
  readonly current: readonly PublishedList[];
  readonly gaps: readonly Gap[];
}

/** The server writes every second; a publication of the last minute may not have been told of yet. */
const recentMs = 60_000;

export async function readField(ports: FieldPorts): Promise<Field> {
  const { store, crypto, clock } = ports;
  const stored = ports.readBeliefs();
  const published = await store.listPublished();
  const current = await store.currentLists();
  const newest = published.filter(
    (list) =>
      clock.nowMs() - list.publishedMs < recentMs || current.some(({ sha256 }) => sha256 === list.sha256),
  );
  // Each node notes what it heard itself: a phone that was never heard here may be another node's.
  const isOnlyNode = (await store.listNodes()).length < 2;
  const sets = new BeliefSets();
  const known = new Map(stored.devices.map((belief) => [belief.name, belief]));
  const devices = (await store.listDeviceNames()).toSorted().map((name) => {
    const { pairs, gap, heardMs, address, deliveries, provedMs, unansweredConfigs } =
      known.get(name) ?? unheard(name);
    const set = setWithGaps(
      sets,
      { set: pairs.length === 0 ? sets.first : sets.of(pairs), gap },
      stored.gaps,
    );
    // Who was never heard of was given nothing.
    const full = heardMs === 0 && isOnlyNode ? set : withDeliveries(sets, set, newest);
    return { name, set: full, heardMs, address, deliveries, provedMs, unansweredConfigs };
  });
  return {
    library: new ListLibrary(crypto, published),
    sets,
    devices,
    groups: groupsOf(sets, devices),
    current,
    gaps: stored.gaps,
  };
}

/**
 * Would the device take a file by this signer? `reject` and `accept` are said only when every pair it may hold says so;
 * the evidence that another signer than its home's may be shown to it (design.md §4).
 */
export function deviceAccepts(field: Field, device: string, signer: CertificateFacts): Acceptance {
  const found = field.devices.find(({ name }) => name === device);
  const pairs: readonly PairKey[] = found === undefined ? [] : field.sets.pairs(found.set);
  return beliefsAccept(field.library, pairs, signer);
}

function groupsOf(sets: BeliefSets, devices: readonly FieldDevice[]): readonly FieldGroup[] {
  const bySet = new Map<SetId, FieldPhone[]>();
  for (const device of devices) {
    const group = bySet.get(device.set);
    if (group) group.push(device);
    else bySet.set(device.set, [device]);
  }
  return [...bySet].map(([set, phones]) => ({ pairs: sets.pairs(set), phones }));
}

function unheard(name: string): StoredBelief {
  return {
    name,
    pairs: [],
    address: '',
    heardMs: 0,
    deliveries: [],
    provedMs: undefined,
    unansweredConfigs: 0,
    gap: 0,
  };
}

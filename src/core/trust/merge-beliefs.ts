/**
 * What several nodes heard of one phone, as one belief. Each saw a part of its life: it may hold any pair that one of
 * them believes, and any of these with a list that another gave it.
 */
import type { BeliefSets } from './belief.ts';
import { setWithGaps, type DeviceBelief, type Gap } from './belief-book.ts';
import type { HeardBeliefs, StoredBelief } from './belief-store.ts';

/** Whose gaps it has already is taken in: `gap` means nothing any more. */
export type MergedBelief = Omit<DeviceBelief, 'name' | 'gap'>;

/** One node's, to be asked by name. */
export interface IndexedBeliefs {
  readonly devices: ReadonlyMap<string, StoredBelief>;
  readonly gaps: readonly Gap[];
}

export function indexBeliefs({ devices, gaps }: HeardBeliefs): IndexedBeliefs {
  return { devices: new Map(devices.map((belief) => [belief.name, belief])), gaps };
}

export function mergeBeliefs(sets: BeliefSets, nodes: readonly IndexedBeliefs[], name: string): MergedBelief {
  const found = nodes.map(({ devices }) => devices.get(name));
  const heard = found.flatMap((belief) => (belief === undefined ? [] : [belief]));
  const [latest] = heard.toSorted((a, b) => b.heardMs - a.heardMs);
  const deliveries = heard.flatMap((belief) => belief.deliveries).toSorted((a, b) => a.sinceMs - b.sinceMs);
  let set = heard.length === 0 ? sets.first : sets.of(heard.flatMap(({ pairs }) => pairs));
  if (heard.length > 1) for (const { kind, sha256 } of deliveries) set = sets.deliver(set, kind, sha256);
  for (const [at, { gaps }] of nodes.entries())
    set = setWithGaps(sets, { set, gap: found[at]?.gap ?? 0 }, gaps);
  const proved = heard.flatMap(({ provedMs }) => provedMs ?? []);
  return {
    set,
    heardMs: latest?.heardMs ?? 0,
    address: latest?.address ?? '',
    deliveries,
    provedMs: proved.length === 0 ? undefined : Math.max(...proved),
    unansweredConfigs: heard.reduce((sum, { unansweredConfigs }) => sum + unansweredConfigs, 0),
  };
}

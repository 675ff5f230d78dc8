/**
 * What several nodes heard of one phone, as one belief. Each saw a part of its life: it may hold any pair that one of
 * them believes, and any of these with a list that another gave it. What it showed at one node says of what all of them
 * knew before that what does not believe that signer is disproved; what they knew since stays.
 */
import { deliveryGrainMs, nodeClockSkewMs } from '../../base/limits.ts';
import type { CertificateFacts } from '../ports.ts';
import type { BeliefSets, SetId } from './belief.ts';
import { setWithGaps, type Delivery, type DeviceBelief, type Gap, type Showing } from './belief-book.ts';
import type { HeardBeliefs, StoredBelief } from './belief-store.ts';
import { setAfterShowing, type ExplainsBelief } from './set-after-showing.ts';

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

/** What a showing says of a set. */
export type AfterShowing = (set: SetId, signer: string) => SetId;

/** `find`: a certificate by its fingerprint; a signer that nobody knows any more says nothing. Remembers. */
export function createAfterShowing(
  sets: BeliefSets,
  explains: ExplainsBelief,
  find: (fingerprint: string) => CertificateFacts | undefined,
): AfterShowing {
  const known = new Map<string, SetId>();
  return (set, signer) => {
    const question = `${set} ${signer}`;
    const before = known.get(question);
    if (before !== undefined) return before;
    const certificate = find(signer);
    const after = certificate === undefined ? set : setAfterShowing(sets, set, explains, certificate);
    known.set(question, after);
    return after;
  };
}

export function mergeBeliefs(
  sets: BeliefSets,
  nodes: readonly IndexedBeliefs[],
  name: string,
  afterShowing: AfterShowing,
): MergedBelief {
  const found = nodes.map(({ devices }) => devices.get(name));
  const heard = found.flatMap((belief) => (belief === undefined ? [] : [belief]));
  const [latest] = heard.toSorted((a, b) => b.heardMs - a.heardMs);
  const [shown] = heard
    .filter(({ showed }) => showed !== undefined)
    .toSorted((a, b) => (b.showed?.atMs ?? 0) - (a.showed?.atMs ?? 0));
  const proved = heard.flatMap(({ provedMs }) => provedMs ?? []);
  const missed = (set: SetId, sinceMs: number): SetId =>
    nodes.reduce((id, { gaps }, at) => {
      const counting = gaps.filter(({ atMs }) => atMs >= sinceMs);
      return setWithGaps(sets, { set: id, gap: found[at]?.gap ?? 0 }, counting);
    }, set);
  const together = heard.length === 0 ? sets.first : sets.of(heard.flatMap(({ pairs }) => pairs));
  const whole = missed(heard.length < 2 ? together : taking(sets, together, heard, -Infinity), -Infinity);
  const sinceShowing = ({ signer, atMs }: Showing): SetId => {
    const sinceMs = atMs - nodeClockSkewMs - deliveryGrainMs;
    // The node to which it was shown has it in its set; what others heard since, they had not heard then.
    const later = heard.filter((belief) => belief === shown || belief.heardMs >= sinceMs);
    const left = sets.add(
      afterShowing(whole, signer),
      later.flatMap(({ pairs }) => pairs),
    );
    return missed(taking(sets, left, heard, sinceMs), sinceMs);
  };
  const showed = nodes.length < 2 ? undefined : shown?.showed;
  return {
    set: showed === undefined ? whole : sinceShowing(showed),
    heardMs: latest?.heardMs ?? 0,
    address: latest?.address ?? '',
    deliveries: deliveriesOf(heard),
    provedMs: proved.length === 0 ? undefined : Math.max(...proved),
    showed: shown?.showed,
    unansweredConfigs: heard.reduce((sum, { unansweredConfigs }) => sum + unansweredConfigs, 0),
    unanswered: heard.flatMap(({ unanswered = [] }) => unanswered).toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** With the lists that were delivered since, in the order in which they were given first. */
function taking(sets: BeliefSets, set: SetId, heard: readonly StoredBelief[], sinceMs: number): SetId {
  return deliveriesOf(heard)
    .filter(({ lastMs = Infinity }) => lastMs >= sinceMs)
    .reduce((id, { kind, sha256 }) => sets.deliver(id, kind, sha256), set);
}

function deliveriesOf(heard: readonly StoredBelief[]): readonly Delivery[] {
  return heard.flatMap(({ deliveries }) => deliveries).toSorted((a, b) => a.sinceMs - b.sinceMs);
}

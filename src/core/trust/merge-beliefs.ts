/**
 * What several nodes heard of one phone, as one belief. Each saw a part of its life: it may hold any pair that one of
 * them believes, and any of these with a list that another gave it. What it showed at one node says of what all of them
 * knew before that what does not believe that signer is disproved; what they knew since stays.
 */
import { deliveryGrainMs, nodeClockSkewMs } from '../../base/limits.ts';
import type { CertificateFacts } from '../ports.ts';
import type { BeliefSets, SetId } from './belief.ts';
import type { Delivery, DeviceBelief, Gap, Showing } from './belief-book.ts';
import type { HeardBeliefs, StoredBelief } from './belief-store.ts';
import { mayHaveForgotten } from './deliveries.ts';
import {
  explainsHandshake,
  keptByHandshake,
  undecidedSince,
  type Handshake,
  type ShownServer,
} from './handshake.ts';
import type { ListLibrary } from './list-library.ts';
import { setAfterShowing, type ExplainsBelief } from './set-after-showing.ts';
import { setWithGaps } from './set-with-gaps.ts';

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

/** What a handshake says of a set, but for what was given around it. */
export type AfterHandshake = (set: SetId, handshake: Handshake) => SetId;

/** `find`: the server's side; a certificate that nobody knows any more says nothing. Remembers. */
export function createAfterHandshake(
  sets: BeliefSets,
  library: ListLibrary,
  find: (handshake: Handshake) => ShownServer | undefined,
): AfterHandshake {
  const known = new Map<string, AfterHandshake>();
  return (set, handshake) => {
    const { service, server } = handshake;
    const before = known.get(`${service} ${server}`);
    if (before !== undefined) return before(set, handshake);
    const shown = find(handshake);
    const explains = shown && explainsHandshake(library, shown);
    const after: AfterHandshake = (id) => (explains ? keptByHandshake(sets, id, service, explains) : id);
    known.set(`${service} ${server}`, after);
    return after(set, handshake);
  };
}

/** What a phone showed to one node, and from when on that says nothing of what another one heard. */
interface Shown {
  readonly by: StoredBelief;
  readonly atMs: number;
  readonly sinceMs: number;
  readonly after: (set: SetId) => SetId;
}

export interface AfterShown {
  readonly showing: AfterShowing;
  readonly handshake: AfterHandshake;
}

export function mergeBeliefs(
  sets: BeliefSets,
  nodes: readonly IndexedBeliefs[],
  name: string,
  after: AfterShown,
): MergedBelief {
  const found = nodes.map(({ devices }) => devices.get(name));
  const heard = found.flatMap((belief) => (belief === undefined ? [] : [belief]));
  const [latest] = heard.toSorted((a, b) => b.heardMs - a.heardMs);
  const proved = heard.flatMap(({ provedMs }) => provedMs ?? []);
  const missed = (set: SetId, sinceMs: number): SetId =>
    nodes.reduce((id, { gaps }, at) => {
      const counting = gaps.filter(({ atMs }) => atMs >= sinceMs);
      return setWithGaps(sets, { set: id, gap: found[at]?.gap ?? 0 }, counting);
    }, set);
  const together = heard.length === 0 ? sets.first : sets.of(heard.flatMap(({ pairs }) => pairs));
  const whole = missed(heard.length < 2 ? together : taking(sets, together, heard, -Infinity), -Infinity);
  const sinceShown = (set: SetId, { by, sinceMs, after: left }: Shown): SetId => {
    // The node to which it was shown has it in its set; what others heard since, they had not heard then.
    const later = heard.filter((belief) => belief === by || belief.heardMs >= sinceMs);
    const all = later.flatMap(({ pairs }) => pairs);
    return missed(taking(sets, sets.add(left(set), all), heard, sinceMs), sinceMs);
  };
  const shown = nodes.length < 2 ? [] : shownTo(heard, after);
  return {
    set: shown.reduce(sinceShown, whole),
    heardMs: latest?.heardMs ?? 0,
    address: latest?.address ?? '',
    deliveries: deliveriesOf(heard),
    provedMs: proved.length === 0 ? undefined : Math.max(...proved),
    showed: lastShowing(heard)?.showed,
    handshakes: lastHandshakes(heard).map(({ handshake }) => handshake),
    unansweredConfigs: heard.reduce((sum, { unansweredConfigs }) => sum + unansweredConfigs, 0),
    unanswered: heard.flatMap(({ unanswered = [] }) => unanswered).toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** In the order in which it was shown: what was shown last has the last word. */
function shownTo(heard: readonly StoredBelief[], { showing, handshake }: AfterShown): readonly Shown[] {
  const files = lastShowing(heard);
  const shown = lastHandshakes(heard).map(({ by: node, handshake: made }): Shown => {
    const sinceMs = undecidedSince(made) - nodeClockSkewMs;
    const isUnsure = heard.some(({ deliveries }) => mayHaveForgotten(deliveries, sinceMs));
    return { by: node, atMs: made.atMs, sinceMs, after: (set) => (isUnsure ? set : handshake(set, made)) };
  });
  return [
    ...shown,
    ...(files === undefined
      ? []
      : [
          {
            by: files.by,
            atMs: files.showed.atMs,
            sinceMs: files.showed.atMs - nodeClockSkewMs - deliveryGrainMs,
            after: (set: SetId) => showing(set, files.showed.signer),
          },
        ]),
  ].toSorted((a, b) => a.atMs - b.atMs);
}

function lastShowing(
  heard: readonly StoredBelief[],
): { readonly by: StoredBelief; readonly showed: Showing } | undefined {
  const shown = heard.flatMap((by) => (by.showed === undefined ? [] : [{ by, showed: by.showed }]));
  return shown.toSorted((a, b) => b.showed.atMs - a.showed.atMs)[0];
}

function lastHandshakes(
  heard: readonly StoredBelief[],
): readonly { readonly by: StoredBelief; readonly handshake: Handshake }[] {
  const made = heard.flatMap((by) => (by.handshakes ?? []).map((handshake) => ({ by, handshake })));
  const latestFirst = made.toSorted((a, b) => b.handshake.atMs - a.handshake.atMs);
  return latestFirst.filter(
    ({ handshake }, at) =>
      latestFirst.findIndex((each) => each.handshake.service === handshake.service) === at,
  );
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

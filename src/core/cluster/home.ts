/**
 * Who asks (design.md §3): home is a property of the device's name. TFTP shows an address and a name, nothing else.
 *
 * The look-up always asks for `SEP<MAC>.cnf.xml[.sgn]`, whatever name was requested. `nowhere` needs a definite
 * not-found from every remote; a time-out, an open circuit or a search in flight is `unsettled`. A remembered home
 * wins while it still answers `have`: switching needs its definite not-found, `move-device`, or the end of its memory.
 */
import { homeRememberedMs, nowhereRememberedMs } from '../../base/limits.ts';
import type { ClusterId, RemoteClaim } from './remote.ts';

export type Home =
  | { readonly kind: 'here' }
  | { readonly kind: 'remote'; readonly cluster: ClusterId }
  /** Everybody said not-found. */
  | { readonly kind: 'nowhere' }
  /** Nothing that trusts or configures is answered from here: retry. */
  | { readonly kind: 'unsettled'; readonly reason: string };

export type SettledHome = Exclude<Home, { kind: 'unsettled' }>;

/** What is remembered of a device, and when it was last true. */
export interface RememberedHome {
  readonly home: SettledHome;
  readonly confirmedMs: number;
}

export interface HomeFacts {
  /** The device stands in the database here, or its configuration in the provisioning directory. */
  readonly local: boolean;
  /** Every remote cluster, in the order in which they were added. */
  readonly remotes: readonly ClusterId[];
  readonly remembered: RememberedHome | undefined;
  /** What remotes said to this very question; absent: not asked yet. */
  readonly claims: ReadonlyMap<ClusterId, RemoteClaim>;
  readonly nowMs: number;
}

export type HomeDecision =
  | {
      readonly kind: 'settled';
      readonly home: Home;
      /** To be remembered with the time of now; undefined: memory stays as it is. */
      readonly remember: SettledHome | undefined;
      readonly because: string;
    }
  /** These are to be asked, then the question is put again with their claims. */
  | { readonly kind: 'ask'; readonly among: readonly ClusterId[]; readonly because: string };

/** Each remote is asked at most once: after two rounds of asking there is a home, be it `unsettled`. */
export function decideHome(facts: HomeFacts): HomeDecision {
  const { local, remotes, nowMs } = facts;
  // A cluster that was removed is nobody's home.
  const remembered = isKnown(facts.remembered?.home, remotes) ? facts.remembered : undefined;
  const ageMs = remembered === undefined ? Infinity : nowMs - remembered.confirmedMs;

  if (remembered?.home.kind === 'remote') {
    const decision = decideRemembered(facts, remembered.home.cluster, ageMs < homeRememberedMs);
    if (decision !== undefined) return decision;
  }
  if (local) return settled({ kind: 'here' }, { kind: 'here' }, 'the device is ours');
  if (remembered?.home.kind === 'nowhere' && ageMs < nowhereRememberedMs && facts.claims.size === 0)
    return settled({ kind: 'nowhere' }, undefined, 'everybody said not-found a moment ago');
  return decideByClaims(facts);
}

/** Undefined: its word counts no longer. */
function decideRemembered(facts: HomeFacts, cluster: ClusterId, fresh: boolean): HomeDecision | undefined {
  const home = { kind: 'remote', cluster } as const;
  switch (facts.claims.get(cluster)) {
    case 'have':
      return settled(home, home, `${cluster} still has it`);
    case 'not-found':
      return undefined;
    case 'silent':
      // Whom it belongs to is known, only its file is not to be had.
      return fresh ? settled(home, undefined, `${cluster} is remembered and silent`) : undefined;
    case undefined:
      return fresh
        ? settled(home, undefined, `${cluster} is remembered`)
        : { kind: 'ask', among: [cluster], because: `${cluster} had it once` };
  }
}

function decideByClaims({ remotes, claims }: HomeFacts): HomeDecision {
  const having = remotes.find((id) => claims.get(id) === 'have');
  if (having !== undefined) {
    const home = { kind: 'remote', cluster: having } as const;
    return settled(home, home, `${having} has it`);
  }
  const unasked = remotes.filter((id) => !claims.has(id));
  if (unasked.length > 0) return { kind: 'ask', among: unasked, because: 'nobody is known to have it' };
  const silent = remotes.filter((id) => claims.get(id) === 'silent');
  if (silent.length > 0)
    return settled(
      { kind: 'unsettled', reason: `no word yet from ${silent.join(', ')}` },
      undefined,
      `no word yet from ${silent.join(', ')}`,
    );
  return settled({ kind: 'nowhere' }, { kind: 'nowhere' }, 'everybody said not-found');
}

function settled(home: Home, remember: SettledHome | undefined, because: string): HomeDecision {
  return { kind: 'settled', home, remember, because };
}

function isKnown(home: SettledHome | undefined, remotes: readonly ClusterId[]): boolean {
  return home !== undefined && (home.kind !== 'remote' || remotes.includes(home.cluster));
}

export function describeHome(home: Home): string {
  switch (home.kind) {
    case 'remote':
      return `remote(${home.cluster})`;
    case 'unsettled':
      return `unsettled (${home.reason})`;
    case 'here':
    case 'nowhere':
      return home.kind;
  }
}

/**
 * Belief sets (design.md §5): which pairs of lists a phone may hold. A delivery only adds, because delivered is not
 * accepted; only behaviour that a pair cannot explain takes it away; `unknown` (lists of elsewhere, or none that we know
 * of) is a member from the beginning. Sets are shared: thousands of phones with one history cost one set.
 */
import { assert } from '../../base/assert.ts';
import { pairsPerSetMax } from '../../base/limits.ts';
import type { TrustListKind } from '../cluster/model.ts';

/** SHA-256 over a list's bytes, lower-case hex; '' where the phone holds none. */
export interface HeldPair {
  readonly ctl: string;
  readonly itl: string;
  /**
   * Whoever holds this looks into its ITL for the signer of a file although it has a CTL. Sources leave it open; where
   * nothing else explains what a phone showed, it is so for this phone from then on.
   */
  readonly looksIntoItl?: boolean;
}

/** A pair as one word, `CTL/ITL`, with `+` where it looks into its ITL; or `unknown`. */
export type PairKey = string;

/** It may hold what we know nothing of. */
export const unknown: PairKey = '?';
/** As it leaves the factory. */
export const nothing: PairKey = '/';
/** Any pair of our published lists: what a set becomes that would grow beyond its bound. */
export const anyOfOurs: PairKey = '*';

export function pairKey({ ctl, itl, looksIntoItl = false }: HeldPair): PairKey {
  return `${ctl}/${itl}${looksIntoItl ? '+' : ''}`;
}

/** `undefined` for `unknown` and `anyOfOurs`. */
export function readPair(key: PairKey): HeldPair | undefined {
  if (key === unknown || key === anyOfOurs) return undefined;
  const at = key.indexOf('/');
  assert(at !== -1, 'a pair has two sides');
  const looksIntoItl = key.endsWith('+');
  const itl = key.slice(at + 1, looksIntoItl ? -1 : undefined);
  return { ctl: key.slice(0, at), itl, ...(looksIntoItl && { looksIntoItl }) };
}

/** The pair after it took a list. Who holds what we know nothing of took it, if at all, because it held nothing. */
export function taking(key: PairKey, kind: TrustListKind, sha256: string): PairKey {
  if (key === anyOfOurs) return key;
  return pairKey({ ...(readPair(key) ?? { ctl: '', itl: '' }), [kind]: sha256 });
}

/** The number of a set within one `BeliefSets`. */
export type SetId = number;

/** All sets that occur, each once, and their successors. */
export class BeliefSets {
  readonly #sets: (readonly PairKey[])[] = [];
  readonly #byText = new Map<string, SetId>();
  readonly #delivered = new Map<string, SetId>();
  readonly #pairsMax: number;
  /** {unknown}: where every phone begins. */
  readonly first: SetId;

  constructor(pairsMax: number = pairsPerSetMax) {
    this.#pairsMax = pairsMax;
    this.first = this.of([unknown]);
  }

  /** Sorted, without repeats. */
  pairs(id: SetId): readonly PairKey[] {
    const set = this.#sets[id];
    assert(set !== undefined, 'a set has its number from here');
    return set;
  }

  /** The number of the set of these pairs; no pair at all is no belief, so that is {unknown}. */
  of(keys: readonly PairKey[]): SetId {
    return this.#numbered(this.#bounded([...new Set(keys)].toSorted()));
  }

  /** As `of` without the bound, for a moment: to take members away from it. */
  spelled(keys: readonly PairKey[]): SetId {
    return this.#numbered([...new Set(keys)].toSorted());
  }

  #numbered(set: readonly PairKey[]): SetId {
    const text = set.join(' ');
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const id = this.#sets.push(set) - 1;
    this.#byText.set(text, id);
    return id;
  }

  /** What was in the set stays; each member may have taken the list. */
  deliver(id: SetId, kind: TrustListKind, sha256: string): SetId {
    const question = `${id} ${kind} ${sha256}`;
    const known = this.#delivered.get(question);
    if (known !== undefined) return known;
    const before = this.pairs(id);
    const after = this.of([...before, ...before.map((key) => taking(key, kind, sha256))]);
    this.#delivered.set(question, after);
    return after;
  }

  add(id: SetId, keys: readonly PairKey[]): SetId {
    return this.of([...this.pairs(id), ...keys]);
  }

  /**
   * What behaviour leaves over. A phone whose every pair is disproved came by lists on another way: {unknown}.
   */
  keep(id: SetId, explains: (key: PairKey) => boolean): SetId {
    const before = this.pairs(id);
    const after = before.filter(explains);
    return after.length === before.length ? id : this.of(after);
  }

  /** What behaviour says of some of its pairs beyond that they are there. */
  narrow(id: SetId, narrower: (key: PairKey) => PairKey): SetId {
    const before = this.pairs(id);
    const after = before.map(narrower);
    return after.every((key, at) => key === before[at]) ? id : this.of(after);
  }

  /** Beyond the bound a set says less, never something else. */
  #bounded(distinct: readonly PairKey[]): readonly PairKey[] {
    if (distinct.length === 0) return [unknown];
    const pairs = distinct.filter((key) => readPair(key) !== undefined && key !== nothing);
    if (pairs.length <= this.#pairsMax && !distinct.includes(anyOfOurs)) return distinct;
    return [nothing, anyOfOurs, unknown].filter((key) => key === anyOfOurs || distinct.includes(key));
  }
}

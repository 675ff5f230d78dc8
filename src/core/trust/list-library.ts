/** Every list that was ever published, by its hash: what the words of a belief set stand for. */
import { equalBytes } from '../../base/bytes.ts';
import type { PublishedList, TrustListKind } from '../cluster/model.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { anyOfOurs, nothing, pairKey, readPair, unknown, type PairKey } from './belief.ts';
import type { Explains } from './belief-book.ts';
import { pairsOf } from './set-with-gaps.ts';
import { askList } from './belief-in-signer.ts';
import {
  holdsNothing,
  isPreparedForRollback,
  maySkipItl,
  readHeld,
  type Held,
  type PhoneTrust,
} from './phone-trust.ts';

export type Acceptance = 'accept' | 'reject' | 'unknown';

export class ListLibrary {
  readonly #crypto: Crypto;
  readonly #lists = new Map<string, PublishedList>();
  readonly #held = new Map<PairKey, Held | undefined>();
  readonly #bytes = new Map<PairKey, PhoneTrust | undefined>();

  /** In any order; a list carried over from one generation to the next counts from its first. */
  constructor(crypto: Crypto, published: readonly PublishedList[]) {
    this.#crypto = crypto;
    for (const list of published.toSorted((a, b) => a.generation - b.generation))
      if (!this.#lists.has(list.sha256)) this.#lists.set(list.sha256, list);
  }

  /** With further lists, as they would be published next. */
  with(lists: readonly PublishedList[]): ListLibrary {
    return new ListLibrary(this.#crypto, [...this.#lists.values(), ...lists]);
  }

  find(sha256: string): PublishedList | undefined {
    return this.#lists.get(sha256);
  }

  /** Every pair that could be made of the published lists. */
  allPairs(): readonly PairKey[] {
    return pairsOf([...this.#lists.values()]);
  }

  /** Of a set what can be judged: "any of ours" is every pair, and of some pairs nothing is known. */
  known(pairs: readonly PairKey[]): readonly PairKey[] {
    const named = pairs.filter((key) => this.bytes(key) !== undefined);
    return pairs.includes(anyOfOurs) ? [...new Set([...named, ...this.allPairs()])] : named;
  }

  bytes(key: PairKey): PhoneTrust | undefined {
    if (!this.#bytes.has(key)) this.#bytes.set(key, this.#bytesOf(key));
    return this.#bytes.get(key);
  }

  #bytesOf(key: PairKey): PhoneTrust | undefined {
    if (key === nothing) return {};
    const pair = readPair(key);
    if (pair === undefined) return undefined;
    const of = (sha256: string): Uint8Array | undefined => this.#lists.get(sha256)?.bytes;
    const [ctl, itl] = [of(pair.ctl), of(pair.itl)];
    // A list that is in no generation of ours: a database of another time.
    if ((pair.ctl !== '' && ctl === undefined) || (pair.itl !== '' && itl === undefined)) return undefined;
    return { ctl, itl };
  }

  /** `undefined`: nothing is known of what it holds. */
  held(key: PairKey): Held | undefined {
    if (this.#held.has(key)) return this.#held.get(key);
    const bytes = this.bytes(key);
    const read = bytes && readHeld(this.#crypto, bytes);
    const held = read?.ok === true ? read.value : undefined;
    this.#held.set(key, held);
    return held;
  }

  /** Would a phone with this pair ask for `.sgn` names? Who holds what nobody knows asks for anything. */
  asksForSigned(key: PairKey): boolean {
    const held = this.held(key);
    return held === undefined || !(holdsNothing(held) || isPreparedForRollback(held));
  }

  /**
   * A file by this signer, from a phone with this pair and no TVS in reach. `unknown` also where a phone that holds
   * a CTL may or may not look into its ITL.
   */
  accepts(key: PairKey, signer: CertificateFacts): Acceptance {
    const held = this.held(key);
    if (held === undefined) return 'unknown';
    if (holdsNothing(held) || isPreparedForRollback(held)) return 'accept';
    const named = { name: signer.subject, issuer: signer.issuer, serial: signer.serial };
    const byCtl = askList(held.ctl, named, 'file');
    const belief = byCtl ?? askList(held.itl, named, 'file');
    if (belief === undefined || belief.kind === 'refused') return 'reject';
    if (belief.kind === 'open') return 'unknown';
    if (!equalBytes(belief.certificate.publicKey.spki, signer.publicKey.spki)) return 'reject';
    const looks = readPair(key)?.looksIntoItl === true || !maySkipItl(held);
    return byCtl !== undefined || looks ? 'accept' : 'unknown';
  }

  /**
   * A phone with this pair that showed that it believes this signer: where that rests on its ITL behind a CTL, the phone
   * is one that looks there, or it does not hold this pair.
   */
  narrowed(key: PairKey, signer: CertificateFacts): PairKey {
    const pair = readPair(key);
    if (pair === undefined || this.accepts(key, signer) !== 'unknown') return key;
    const looking = pairKey({ ...pair, looksIntoItl: true });
    return this.accepts(looking, signer) === 'accept' ? looking : key;
  }
}

/** What the book of beliefs asks of a library; `library` may be another one each time. */
export function explainsBy(library: () => ListLibrary): Explains {
  return {
    asksForSigned: (key) => library().asksForSigned(key),
    believes: (key, signer) => library().accepts(key, signer) !== 'reject',
    narrowed: (key, signer) => library().narrowed(key, signer),
    all: () => library().allPairs(),
  };
}

/**
 * Would a phone that holds one of these pairs take a file by this signer, as it is now? One word only where all pairs
 * say the same. Asked before another cluster's or another node's signer is used for a device (design.md §4, evidence a).
 */
export function beliefsAccept(
  library: ListLibrary,
  pairs: readonly PairKey[],
  signer: CertificateFacts,
): Acceptance {
  const words = new Set(pairs.map((key) => library.accepts(key, signer)));
  const [word] = words;
  return words.size === 1 && word !== undefined ? word : 'unknown';
}

/**
 * The list of that kind as it is told to people: its generation, or that there is none; an ITL with `+` where the phone
 * is known to look into it although it has a CTL.
 */
export function describeSide(library: ListLibrary, key: PairKey, kind: TrustListKind): string {
  const pair = readPair(key);
  if (pair === undefined) return key === unknown ? 'unknown' : 'any';
  if (pair[kind] === '') return 'none';
  const list = library.find(pair[kind]);
  if (list === undefined) return `${pair[kind].slice(0, 16)} (not ours)`;
  return `${list.generation}${kind === 'itl' && pair.looksIntoItl === true ? '+' : ''}`;
}

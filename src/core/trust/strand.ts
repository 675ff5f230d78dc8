/**
 * The planner (design.md §5): which phones a change of trust would strand. Every pair of lists in the field is led
 * through a boot against what would be served: CTL, ITL, then a configuration by the signer that would sign it; the
 * judge decides each step. A phone is stranded when one of the pairs it may hold has a path to a believed
 * configuration today and none afterwards, or when only a TVS could vouch where a list did before.
 *
 * Where no public source settles what phones do, a pair must have its path under every reading; a phone of which nobody
 * said that it reads SHA-512 must have it if it reads SHA-1 alone, too. What the planner
 * judges is not signed yet: lists and configuration are made on paper, with signatures that count as right.
 */
import { assert } from '../../base/assert.ts';
import { toHex } from '../../base/text.ts';
import type { TrustListKind } from '../cluster/model.ts';
import type { Crypto } from '../ports.ts';
import { anyOfOurs, pairKey, readPair, type BeliefSets, type PairKey, type SetId } from './belief.ts';
import { judgeWith, type Judgement, type TvsAnswer } from './judge.ts';
import { readList, type ReadList } from './judge-list.ts';
import type { ListLibrary } from './list-library.ts';
import { signsSha512 } from './phone-checks.ts';
import { maySkipItl, readHeld, type HeldList } from './phone-trust.ts';

/** What phones are served before or after a change. */
export interface Served {
  readonly itl: ServedFile | undefined;
  readonly ctl: ServedFile | undefined;
  /** A signed file of a phone, by the signer in use. */
  readonly config: ServedFile;
  /** What our TVS says; asked last, and not relied upon: it may be down when the phone asks. */
  readonly tvs: (issuer: string, serial: Uint8Array) => TvsAnswer;
  /** The server that says it. */
  readonly tvsName?: string;
}

export interface ServedFile {
  /** The name it is asked for by. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where a phone finds the signer of its configuration. `free`: it holds no list that binds it. */
export type Path = 'CTL' | 'ITL' | 'TVS' | 'free' | 'none';

export interface Road {
  readonly path: Path;
  /** It must take new lists first, which it asks for before its configuration at every boot. */
  readonly afterLists: boolean;
  /** The TVS that vouches. */
  readonly via?: string;
}

const rank: Readonly<Record<Path, number>> = { none: 0, TVS: 1, ITL: 2, CTL: 2, free: 2 };

/**
 * How open questions are read: may a list or a file be believed where sources do not settle it; does the phone read
 * SHA-512?
 */
export interface Reading {
  readonly lists: boolean;
  readonly files: boolean;
  readonly sha512: boolean;
}

const either = [false, true] as const;
export const readings: readonly Reading[] = either.flatMap((sha512) =>
  either.flatMap((lists) => either.map((files) => ({ lists, files, sha512 }))),
);

/** One pair of the field. */
export interface PairVerdict {
  readonly key: PairKey;
  /** Judged as a phone that reads SHA-1 alone, too: something is signed with SHA-512, and nobody said that it reads that. */
  readonly mayNeedSha1: boolean;
  /** One for each reading; equal ones once. */
  readonly before: readonly Road[];
  readonly after: readonly Road[];
  readonly stranded: boolean;
  /** It has no path today under any reading, and gets none. */
  readonly lost: boolean;
}

/** A list in a phone's hand, with a word to remember judgements by. */
interface Side {
  readonly id: string;
  readonly bytes: Uint8Array | undefined;
}

interface Hands {
  readonly ctl: Side;
  readonly itl: Side;
}

/** The phone that holds them, under one reading. */
interface Holder extends Hands {
  readonly sha1Only: boolean;
}

/** A pair of them is one number. */
const listsMax = 2 ** 20;

/** Judges pairs against what is served before and after; remembers, since thousands of phones share a few pairs. */
export class RoadFinder implements PairJudge {
  readonly #crypto: Crypto;
  readonly #library: ListLibrary;
  readonly #served: Readonly<Record<'before' | 'after', Served>>;
  readonly #judgements = new Map<string, Map<number, Judgement>>();
  readonly #numbers = new Map<string, number>();
  readonly #servedLists = new Map<Uint8Array, ReadList>();
  readonly #lists = new Map<Uint8Array, HeldList>();
  /** By whether SHA-1 alone may be read. */
  readonly #verdicts = new Map<boolean, Map<PairKey, PairVerdict>>();
  readonly #ids = new Map<Uint8Array, string>();
  readonly #signsSha512: boolean;

  constructor(crypto: Crypto, library: ListLibrary, served: Readonly<Record<'before' | 'after', Served>>) {
    this.#crypto = onPaper(crypto);
    this.#library = library;
    this.#served = served;
    const files = [served.before, served.after].flatMap(({ ctl, itl, config }) => [ctl, itl, config]);
    this.#signsSha512 = files.some((file) => file !== undefined && signsSha512(file.bytes));
  }

  verdict(key: PairKey, readsSha512: boolean): PairVerdict {
    const mayNeedSha1 = this.#signsSha512 && !readsSha512;
    const verdicts = this.#verdicts.get(mayNeedSha1) ?? new Map<PairKey, PairVerdict>();
    this.#verdicts.set(mayNeedSha1, verdicts);
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    // What a phone showed settles one of the questions for it, what somebody said of its model another.
    const looks = readPair(key)?.looksIntoItl === true;
    const open = readings.filter(({ files, sha512 }) => (files || !looks) && (sha512 || mayNeedSha1));
    const roads = open.map((reading) => ({
      before: this.#road(key, 'before', reading),
      after: this.#road(key, 'after', reading),
    }));
    const verdict = {
      key,
      mayNeedSha1,
      before: distinct(roads.map((road) => road.before)),
      after: distinct(roads.map((road) => road.after)),
      stranded: roads.some(({ before, after }) => rank[after.path] < rank[before.path]),
      lost: roads.every(({ before, after }) => before.path === 'none' && after.path === 'none'),
    };
    verdicts.set(key, verdict);
    return verdict;
  }

  booted(key: PairKey, when: 'before' | 'after', readsSha512: boolean): readonly PairKey[] {
    const looksIntoItl = readPair(key)?.looksIntoItl === true;
    const open = readings.filter(({ sha512 }) => sha512 || (this.#signsSha512 && !readsSha512));
    const booted = open.map(({ lists, sha512 }) => {
      const hands = { ...this.#handsOf(key), sha1Only: !sha512 };
      const { ctl, itl } = this.#takingLists(hands, when, lists);
      return pairKey({ ctl: ctl.id, itl: itl.id, looksIntoItl });
    });
    return [...new Set(booted)];
  }

  /** One boot (domain.md §3): the lists first, each judged with what the phone holds by then. */
  #road(key: PairKey, when: 'before' | 'after', { lists, files, sha512 }: Reading): Road {
    const { config, tvsName } = this.#served[when];
    const held = { ...this.#handsOf(key), sha1Only: !sha512 };
    const hands = this.#takingLists(held, when, lists);
    const afterLists = !taken(this.#asked(when, held, config), files);
    const last = this.#asked(when, hands, config);
    if (taken(last, files)) return { path: pathOf(last), afterLists };
    const vouched = this.#asked(when, hands, config, true);
    return taken(vouched, files)
      ? { path: 'TVS', afterLists, ...(tvsName !== undefined && { via: tvsName }) }
      : { path: 'none', afterLists: false };
  }

  #takingLists(held: Holder, when: 'before' | 'after', reading: boolean): Holder {
    const { ctl, itl } = this.#served[when];
    let hands = held;
    if (ctl !== undefined && taken(this.#asked(when, hands, ctl), reading))
      hands = { ...hands, ctl: { id: this.#idOf(ctl), bytes: ctl.bytes } };
    if (itl !== undefined && taken(this.#asked(when, hands, itl), reading))
      hands = { ...hands, itl: { id: this.#idOf(itl), bytes: itl.bytes } };
    return hands;
  }

  /** As belief sets name a list. */
  #idOf({ bytes }: ServedFile): string {
    const known = this.#ids.get(bytes) ?? toHex(this.#crypto.digest('sha256', bytes));
    this.#ids.set(bytes, known);
    return known;
  }

  #handsOf(key: PairKey): Hands {
    const held = this.#library.bytes(key);
    const pair = readPair(key);
    assert(held !== undefined && pair !== undefined, 'a pair of our lists');
    return { ctl: { id: pair.ctl, bytes: held.ctl }, itl: { id: pair.itl, bytes: held.itl } };
  }

  #asked(
    when: 'before' | 'after',
    { ctl, itl, sha1Only }: Holder,
    file: ServedFile,
    asksTvs = false,
  ): Judgement {
    const question = `${when} ${file.name} ${asksTvs} ${sha1Only}`;
    const asked = this.#judgements.get(question) ?? new Map<number, Judgement>();
    this.#judgements.set(question, asked);
    const hands = this.#numberOf(ctl) * listsMax + this.#numberOf(itl);
    const known = asked.get(hands);
    if (known !== undefined) return known;
    const tvs = asksTvs ? this.#served[when].tvs : silent;
    const phone = { ctl: ctl.bytes, itl: itl.bytes, sha1Only, tvs };
    const held = { ctl: this.#read(ctl), itl: this.#read(itl) };
    const word = judgeWith(this.#crypto, phone, held, file, undefined, this.#readServed(file));
    const judged = maySkipItl(held) ? word : { ...word, lint: [] };
    asked.set(hands, judged);
    return judged;
  }

  #numberOf({ id }: Side): number {
    const known = this.#numbers.get(id) ?? this.#numbers.size;
    assert(known < listsMax, 'more lists than generations can be');
    this.#numbers.set(id, known);
    return known;
  }

  /** What is no list reads as none, and is judged without. */
  #readServed({ bytes }: ServedFile): ReadList {
    const known = this.#servedLists.get(bytes) ?? readList(this.#crypto, bytes);
    this.#servedLists.set(bytes, known);
    return known;
  }

  /** Each list once: fifty generations make thousands of pairs. */
  #read({ bytes }: Side): HeldList | undefined {
    if (bytes === undefined) return undefined;
    const known = this.#lists.get(bytes);
    if (known !== undefined) return known;
    const read = readHeld(this.#crypto, { itl: bytes });
    assert(read.ok && read.value.itl !== undefined, 'a list that was published, or is about to be');
    this.#lists.set(bytes, read.value.itl);
    return read.value.itl;
  }
}

/** Gives the verdict on a pair, whoever serves. */
export interface PairJudge {
  /** `readsSha512`: of phones of which somebody said so. */
  verdict(key: PairKey, readsSha512: boolean): PairVerdict;
  /** What a phone with this pair may hold after a boot then: under each reading, at each node. */
  booted(key: PairKey, when: 'before' | 'after', readsSha512: boolean): readonly PairKey[];
}

/**
 * Several nodes: a phone may ask any of them at its next boot, so a pair must keep its path at each; one that gets none
 * at one node, where it had one, is stranded.
 */
export function atEveryNode(judges: readonly PairJudge[]): PairJudge {
  const [only] = judges;
  if (only !== undefined && judges.length === 1) return only;
  const known = new Map<string, PairVerdict>();
  return {
    verdict(key, readsSha512) {
      const word = `${key} ${readsSha512}`;
      const before = known.get(word);
      if (before !== undefined) return before;
      const verdicts = judges.map((judge) => judge.verdict(key, readsSha512));
      const verdict = {
        key,
        mayNeedSha1: verdicts.some(({ mayNeedSha1 }) => mayNeedSha1),
        before: distinct(verdicts.flatMap((each) => each.before)),
        after: distinct(verdicts.flatMap((each) => each.after)),
        stranded: verdicts.some(({ stranded }) => stranded),
        lost: verdicts.every(({ lost }) => lost),
      };
      known.set(word, verdict);
      return verdict;
    },
    booted: (key, when, readsSha512) => [
      ...new Set(judges.flatMap((judge) => judge.booted(key, when, readsSha512))),
    ],
  };
}

/** Phones that share a set, and what is known of the hash that they read. */
export interface FieldGroup {
  readonly pairs: readonly PairKey[];
  readonly readsSha512: boolean;
  readonly phones: readonly FieldPhone[];
}

export interface FieldPhone {
  readonly name: string;
  /** 0: never. */
  readonly heardMs: number;
}

export interface StrandReport {
  readonly phones: number;
  /** Each phone is counted once, as the first of these that holds of it; the rest keeps its path. */
  readonly stranded: readonly string[];
  /** Nobody knows what it holds: it may come from elsewhere. What it may hold of ours keeps its path. */
  readonly unknown: readonly string[];
  /** Not heard of for long: it meets the change when it comes back, and has a path then. */
  readonly offline: readonly string[];
  /** Had no path before; no change made here gives it one. Among the others too. */
  readonly lost: readonly string[];
  /** Pairs that some phone may hold, with how many phones may. */
  readonly pairs: readonly (PairVerdict & { readonly phones: number })[];
}

/** `offlineBeforeMs`: phones heard of last before this are offline. */
export function planStranding(
  finder: PairJudge,
  library: ListLibrary,
  field: readonly FieldGroup[],
  offlineBeforeMs: number,
): StrandReport {
  const stranded: string[] = [];
  const unknownPhones: string[] = [];
  const offline: string[] = [];
  const lost: string[] = [];
  const counts = new Map<PairVerdict, number>();
  let all = 0;
  for (const { pairs, readsSha512, phones } of field) {
    all += phones.length;
    const ours = library.known(pairs);
    const verdicts = ours.map((key) => finder.verdict(key, readsSha512));
    for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + phones.length);
    const isStranded = verdicts.some((verdict) => verdict.stranded);
    const isUnknown = pairs.some((key) => key !== anyOfOurs && library.bytes(key) === undefined);
    const isLost = verdicts.some((verdict) => verdict.lost);
    for (const { name, heardMs } of phones) {
      if (isLost) lost.push(name);
      if (isStranded) stranded.push(name);
      else if (isUnknown) unknownPhones.push(name);
      else if (heardMs < offlineBeforeMs) offline.push(name);
    }
  }
  return {
    phones: all,
    stranded: stranded.toSorted(),
    unknown: unknownPhones.toSorted(),
    offline: offline.toSorted(),
    lost: lost.toSorted(),
    pairs: countedOnce(counts),
  };
}

/** Holders of which one reads SHA-512 and of another nobody knows are counted together where that makes no difference. */
function countedOnce(counts: ReadonlyMap<PairVerdict, number>): StrandReport['pairs'] {
  const counted = new Map<string, PairVerdict & { phones: number }>();
  for (const [verdict, phones] of counts) {
    const word = `${verdict.key} ${verdict.mayNeedSha1}`;
    const known = counted.get(word);
    if (known === undefined) counted.set(word, { ...verdict, phones });
    else known.phones += phones;
  }
  return [...counted.values()];
}

/** What is served may have reached anybody since it was last heard what did. */
export function withDeliveries(
  sets: BeliefSets,
  set: SetId,
  lists: readonly { readonly kind: TrustListKind; readonly sha256: string }[],
): SetId {
  return lists.reduce((id, { kind, sha256 }) => sets.deliver(id, kind, sha256), set);
}

function taken({ phone, lint }: Judgement, reading: boolean): boolean {
  if (phone === 'unknown') return reading;
  // Does a phone with a CTL still look into its ITL for the signer of a file? Sources do not say (design.md §5).
  return phone === 'accept' && (reading || !lint.includes('lint-itl-behind-ctl'));
}

function pathOf({ code }: Judgement): Path {
  if (code === 'accepted-by-ctl') return 'CTL';
  if (code === 'accepted-unsigned' || code === 'accepted-rollback') return 'free';
  return 'ITL';
}

function silent(): TvsAnswer {
  return { kind: 'unreachable' };
}

function distinct(roads: readonly Road[]): readonly Road[] {
  return [...new Map(roads.map((road) => [`${road.path} ${road.afterLists} ${road.via}`, road])).values()];
}

/** What is planned is signed when it is published: until then a signature is right when it is there. */
function onPaper(crypto: Crypto): Crypto {
  return { ...crypto, verifyRsa: () => true };
}

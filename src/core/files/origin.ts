/**
 * Origin: whose copy of a file a requester gets (design.md §4, the table, first match wins). Pure: what is known goes
 * in, the next thing to do comes out; who performs it asks again with what it learnt (files/origin.ts).
 *
 * It never makes a foreign trust list local, never gives an un-named file on the word of a forgeable request, and
 * never says not-found while a home is unsettled or out of reach.
 */
import type { Home } from '../cluster/home.ts';
import type { ClusterId } from '../cluster/remote.ts';
import type { Proof } from '../cluster/source-memory.ts';
import type { FileName } from './file-name.ts';

export type Row = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Somebody who may be asking. */
export interface Asker {
  readonly home: Home;
  readonly proof: Proof;
  /** Evidence says that this device accepts our signature (core/cluster/evidence.ts). */
  readonly covered: boolean;
}

/** A name with a device names its asker; every other name only has those seen at the source address. */
export type Who =
  | { readonly kind: 'device'; readonly home: Home }
  | {
      readonly kind: 'address';
      readonly askers: readonly Asker[];
      /** More devices completed something behind the address than are told apart. */
      readonly more: boolean;
      /** Others may have asked there, whom nobody remembers. */
      readonly moreAsked: boolean;
      /** The request came over TCP: its source cannot be forged, so only `proved` ones can have sent it. */
      readonly overTcp: boolean;
    };

export type HereAnswer = 'have' | 'not-found' | 'retry';
export type ThereAnswer = 'have' | 'not-found' | 'blocked' | 'unreachable';

export interface OriginQuestion {
  readonly name: FileName;
  /** From a peer's address, or with a hop mark. */
  readonly fromPeer: boolean;
  readonly who: Who;
  /** What the links below said; undefined: not asked. */
  readonly here: HereAnswer | undefined;
  /** What remotes said to this name; absent: not asked. */
  readonly there: ReadonlyMap<ClusterId, ThereAnswer>;
  readonly common: (cluster: ClusterId) => 'auto' | 'local';
  /** Whose a uuid name is, where it was served before. */
  readonly uuidHome: Home | undefined;
  readonly autoRegistration: boolean;
}

export type OriginAction =
  | { readonly kind: 'ask-here'; readonly row: Row }
  | { readonly kind: 'ask-there'; readonly row: Row; readonly cluster: ClusterId }
  | { readonly kind: 'serve-here'; readonly row: Row; readonly because: string }
  | {
      readonly kind: 'serve-there';
      readonly row: Row;
      readonly cluster: ClusterId;
      readonly because: string;
    }
  | { readonly kind: 'not-found'; readonly row: Row; readonly because: string }
  | { readonly kind: 'retry'; readonly row: Row; readonly because: string };

export function decideOrigin(question: OriginQuestion): OriginAction {
  if (question.fromPeer) return ours(question, 0, 'a peer gets only what is ours');
  switch (question.name.kind) {
    case 'firmware':
      return firmware(question);
    case 'config':
    case 'encrypted-config':
    case 'device-ctl':
    case 'device-itl':
      return deviceBound(question);
    case 'cluster-ctl':
    case 'cluster-itl':
      return trustList(question);
    case 'default-config':
    case 'cluster-bound':
    case 'other':
      return clusterBound(question);
    case 'cosmetic':
      return cosmetic(question);
  }
}

/** Row 1: local, else passed through from a home; the maker signed it, so whose copy it is does not matter. */
function firmware(question: OriginQuestion): OriginAction {
  if (question.here === undefined) return { kind: 'ask-here', row: 1 };
  if (question.here !== 'not-found') return ours(question, 1, 'firmware that is here');
  return firstOf(question, 1, homesOf(everybody(question.who)), 'firmware of a home');
}

/** Row 2: the device's home, its not-found included. */
function deviceBound(question: OriginQuestion): OriginAction {
  const { who } = question;
  // A name of the grammar without a device is nobody's.
  if (who.kind !== 'device') return ours(question, 2, 'no device is named');
  return homes(question, 2, who.home);
}

/**
 * Row 3: the home's, its not-found included. Everybody who may be asking has to be at one home, and a list is given
 * only where a transfer was completed: a request alone may be forged, and a first list is taken on trust.
 *
 * A not-found imprints nobody. For it who completed something counts before who only asked, so that a forged request
 * delays nobody; and of several homes the one that has no list is meant: whose home has one was given it under its own name.
 */
function trustList(question: OriginQuestion): OriginAction {
  const { who } = question;
  const askers = everybody(who);
  const likely = likelyOf(askers);
  if (hasMore(who)) return undecided(askers, question.name.kind);
  const home = onlyHome(likely);
  if (home === undefined) return missAtSeveral(question, 3, likely, 'some');
  const action = homes(question, 3, home);
  if (!isServing(action)) return action;
  if (onlyHome(askers) === undefined || (who.kind === 'address' && who.moreAsked))
    return undecided(askers, question.name.kind);
  return onlyIfCompleted(askers, action);
}

/** Row 4: the home's; a uuid is nobody else's, so whoever has it is right. */
function clusterBound(question: OriginQuestion): OriginAction {
  const { name, uuidHome, who } = question;
  if (uuidHome !== undefined) return homes(question, 4, uuidHome);
  const askers = mayBeAsking(who);
  if (isUuidName(name)) {
    const candidates = homesOf(askers);
    return candidates.length === 0 ? undecided(askers, 'uuid') : firstOf(question, 4, candidates, 'its home');
  }
  const home = onlyHome(askers);
  if (hasMore(who)) return undecided(askers, 'cluster-bound');
  if (home === undefined) return missAtSeveral(question, 4, askers, 'every');
  if (home.kind === 'nowhere' && name.kind === 'default-config' && question.autoRegistration)
    return ours(question, 4, 'a phone that nobody has may register here');
  const action = homes(question, 4, home);
  return isServing(action) ? onlyIfCompleted(askers, action) : action;
}

/** Row 5: home first; ours where home has none and this device accepts ours; turned round by `common: local`. */
function cosmetic(question: OriginQuestion): OriginAction {
  const { name, who } = question;
  const askers = mayBeAsking(who).filter(({ proof }) => proof !== 'asked');
  const acceptOurs = askers.length > 0 && askers.every(takesOurs);
  const mayBeOurs = !name.signed || (acceptOurs && !hasMore(who));
  const home = hasMore(who) ? undefined : onlyHome(askers);
  if (home === undefined) return cosmeticForMany(question, askers, mayBeOurs);
  if (home.kind === 'here') return ours(question, 5, 'the home is here');
  if (home.kind !== 'remote') return oursElse(question, mayBeOurs, homes(question, 5, home));

  const { cluster } = home;
  if (question.common(cluster) === 'local' && acceptOurs && question.here !== 'not-found')
    return ours(question, 5, `common files of ${cluster} are local, and this device accepts ours`);
  const action = theirs(question, 5, cluster, 'the home has it');
  return isAsking(action) || isServing(action) ? action : oursElse(question, mayBeOurs, action);
}

/** Nobody or several homes: only a copy that everybody accepts. */
function cosmeticForMany(
  question: OriginQuestion,
  askers: readonly Asker[],
  mayBeOurs: boolean,
): OriginAction {
  if (question.name.signed || askers.length === 0)
    return oursElse(question, mayBeOurs, missAtSeveral(question, 5, askers, 'every'));
  if (question.here === undefined) return { kind: 'ask-here', row: 5 };
  if (question.here !== 'not-found') return ours(question, 5, 'unsigned, and local');
  return firstOf(question, 5, homesOf(askers), 'unsigned, so anybody takes it');
}

/** The home's answer as it is. */
function homes(question: OriginQuestion, row: Row, home: Home): OriginAction {
  switch (home.kind) {
    case 'here':
      return ours(question, row, 'the home is here');
    case 'remote':
      return theirs(question, row, home.cluster, `the home is ${home.cluster}`);
    case 'nowhere':
      return { kind: 'not-found', row: 6, because: 'no cluster has the device' };
    case 'unsettled':
      return { kind: 'retry', row: 6, because: home.reason };
  }
}

function ours({ here }: OriginQuestion, row: Row, because: string): OriginAction {
  switch (here) {
    case undefined:
      return { kind: 'ask-here', row };
    case 'have':
      return { kind: 'serve-here', row, because };
    case 'retry':
      return { kind: 'retry', row, because: 'our own copy cannot be had now' };
    case 'not-found':
      return { kind: 'not-found', row, because: `${because}, and there is none` };
  }
}

function theirs({ there }: OriginQuestion, row: Row, cluster: ClusterId, because: string): OriginAction {
  switch (there.get(cluster)) {
    case undefined:
      return { kind: 'ask-there', row, cluster };
    case 'have':
      return { kind: 'serve-there', row, cluster, because };
    case 'not-found':
      return { kind: 'not-found', row, because: `${cluster} says not-found` };
    case 'blocked':
      return { kind: 'retry', row: 6, because: `what ${cluster} has, its phone would refuse` };
    case 'unreachable':
      return { kind: 'retry', row: 6, because: `${cluster} cannot be asked now` };
  }
}

/** Ours where it may be, else the answer that stands without it. */
function oursElse(question: OriginQuestion, mayBeOurs: boolean, otherwise: OriginAction): OriginAction {
  const instead: OriginAction = isAsking(otherwise) ? otherwise : { ...otherwise, row: 6 };
  if (!mayBeOurs) return instead;
  const action = ours(question, 5, question.name.signed ? 'evidence covers the device' : 'unsigned');
  return action.kind === 'not-found' ? instead : action;
}

/** The homes one after the other; not-found only when every one of them said so. */
function firstOf(
  question: OriginQuestion,
  row: Row,
  candidates: readonly Home[],
  because: string,
): OriginAction {
  let retry: OriginAction | undefined;
  for (const home of candidates) {
    const action = homes(question, row, home);
    if (isAsking(action) || isServing(action)) return isServing(action) ? { ...action, because } : action;
    if (action.kind === 'retry') retry ??= action;
  }
  if (hasMore(question.who)) retry ??= { kind: 'retry', row: 6, because: 'more devices than are told apart' };
  if (candidates.length === 0) return undecided([], 'file');
  return retry ?? { kind: 'not-found', row: 6, because: 'no home has it' };
}

/** Nobody knows whose copy it would be, but that there is none may be known. */
function missAtSeveral(
  question: OriginQuestion,
  row: Row,
  askers: readonly Asker[],
  enough: 'some' | 'every',
): OriginAction {
  const candidates = homesOf(askers);
  // A default configuration may be ours to give to one of them.
  const isOpen = hasMore(question.who) || question.name.kind === 'default-config';
  let missing = 0;
  for (const home of isOpen ? [] : candidates) {
    const action = homes(question, row, home);
    if (isAsking(action)) return action;
    if (action.kind === 'retry' || (isServing(action) && enough === 'every'))
      return undecided(askers, question.name.kind);
    if (action.kind === 'not-found') missing++;
  }
  if (missing === 0) return undecided(askers, question.name.kind);
  const because = enough === 'every' ? 'none of the homes has it' : 'who has one got it under its own name';
  return { kind: 'not-found', row, because };
}

function undecided(askers: readonly Asker[], what: string): OriginAction {
  const because =
    askers.length === 0
      ? `nobody is known at this address, so nobody knows whose ${what} it is`
      : `devices of several homes are behind this address`;
  return { kind: 'retry', row: 6, because };
}

/** A request alone is no reason to serve, only a reason not to. */
function onlyIfCompleted(askers: readonly Asker[], action: OriginAction): OriginAction {
  if (askers.some(({ proof }) => proof !== 'asked')) return action;
  return { kind: 'retry', row: 6, because: 'nobody at this address completed a transfer yet' };
}

function everybody(who: Who): readonly Asker[] {
  return who.kind === 'address' ? who.askers : [{ home: who.home, proof: 'proved', covered: false }];
}

/**
 * Proved beats weak where the request itself is of that kind; in the single port a phone that did no more than the
 * others may be the one that asks. Who only asked counts where nobody did more.
 */
function mayBeAsking(who: Who): readonly Asker[] {
  const askers = everybody(who);
  const proved = askers.filter(({ proof }) => proof === 'proved');
  if (who.kind === 'address' && who.overTcp && proved.length > 0) return proved;
  return likelyOf(askers);
}

/** Who completed a transfer; who only asked where nobody did. */
function likelyOf(askers: readonly Asker[]): readonly Asker[] {
  const completed = askers.filter(({ proof }) => proof !== 'asked');
  return completed.length > 0 ? completed : askers;
}

/** What was forgotten of mere requests counts where nothing but requests is known. */
function hasMore(who: Who): boolean {
  if (who.kind !== 'address') return false;
  return who.more || (who.moreAsked && !who.askers.some(({ proof }) => proof !== 'asked'));
}

function takesOurs({ home, covered }: Asker): boolean {
  return covered || home.kind === 'here';
}

function onlyHome(askers: readonly Asker[]): Home | undefined {
  const [first, ...others] = homesOf(askers);
  return others.length === 0 ? first : undefined;
}

function homesOf(askers: readonly Asker[]): readonly Home[] {
  const byKey = new Map(askers.map(({ home }) => [homeKey(home), home]));
  return [...byKey.values()];
}

function homeKey(home: Home): string {
  return home.kind === 'remote' ? `remote ${home.cluster}` : home.kind;
}

function isAsking({ kind }: OriginAction): boolean {
  return kind === 'ask-here' || kind === 'ask-there';
}

function isServing(
  action: OriginAction,
): action is Extract<OriginAction, { kind: 'serve-here' | 'serve-there' }> {
  return action.kind === 'serve-here' || action.kind === 'serve-there';
}

/** `SK`, `DR` and `FP` files are named by a uuid that only one cluster gave. */
export function isUuidName({ kind, base }: FileName): boolean {
  return kind === 'cluster-bound' && /^(?:SK|DR|FP)[0-9a-f]{8}-/i.test(base);
}

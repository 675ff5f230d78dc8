/** Deliveries that may have been missed (belief-book.ts), taken into a set. */
import type { TrustListKind } from '../cluster/model.ts';
import { readPair, type BeliefSets, type PairKey, type SetId } from './belief.ts';
import type { DeviceBelief, Gap, ServedList } from './belief-book.ts';

/**
 * A phone's set with everything that may have been missed since it was written: of the lists that it was given then it
 * may have taken each, and refused the others.
 */
export function setWithGaps(
  sets: BeliefSets,
  { set, gap }: Pick<DeviceBelief, 'set' | 'gap'>,
  gaps: readonly Gap[],
): SetId {
  const missed = gaps.filter(({ number }) => number > gap).flatMap(({ pairs }) => pairs);
  if (missed.length === 0) return set;
  const held = missed.flatMap((key) => readPair(key) ?? []);
  const given = (kind: TrustListKind) => (id: SetId, sha256: string) => sets.deliver(id, kind, sha256);
  const lists = (kind: TrustListKind): readonly string[] =>
    [...new Set(held.map((pair) => pair[kind]))].filter((sha256) => sha256 !== '');
  return lists('itl').reduce(given('itl'), lists('ctl').reduce(given('ctl'), sets.add(set, missed)));
}

/** What a phone may hold that was given these lists, whatever it held: each alone, and every pair. */
export function pairsOf(lists: readonly ServedList[]): readonly PairKey[] {
  const side = (kind: TrustListKind): readonly string[] => [
    '',
    ...lists.filter((list) => list.kind === kind).map(({ sha256 }) => sha256),
  ];
  return side('ctl').flatMap((ctl) =>
    side('itl').flatMap((itl) => (ctl === '' && itl === '' ? [] : [`${ctl}/${itl}`])),
  );
}

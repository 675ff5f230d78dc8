/**
 * How old the lists are that a phone goes on fetching with: not since when those in force are, since a phone that stays
 * on generation 1 while a new one comes every week is further behind each week.
 */
import type { PublishedList, TrustListKind } from '../cluster/model.ts';
import type { Delivery } from './belief-book.ts';

/** When a generation came without the list; not of lists in force. `published` has every generation, in any order. */
export function endsOf(published: readonly PublishedList[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  const generations = new Map<number, PublishedList[]>();
  for (const list of published) {
    const known = generations.get(list.generation);
    if (known) known.push(list);
    else generations.set(list.generation, [list]);
  }
  let before: readonly string[] = [];
  for (const [, lists] of [...generations].toSorted(([a], [b]) => a - b)) {
    // Lists that are carried over keep their time: the youngest tells when the generation came.
    const cameMs = Math.max(...lists.map(({ publishedMs }) => publishedMs));
    const inForce = new Set(lists.map(({ sha256 }) => sha256));
    for (const sha256 of before) if (!inForce.has(sha256)) ends.set(sha256, cameMs);
    for (const sha256 of inForce) ends.delete(sha256);
    before = [...inForce];
  }
  return ends;
}

/**
 * Since when the newest lists that a phone was given are replaced, milliseconds; of a kind that it was never given,
 * since there is one. Undefined: it was given one in force of each kind.
 */
export function behindSince(
  published: readonly PublishedList[],
  current: readonly PublishedList[],
  deliveries: readonly Delivery[],
): number | undefined {
  const ends = endsOf(published);
  const kinds = new Set<TrustListKind>(current.map(({ kind }) => kind));
  const since = [...kinds].flatMap((kind) => {
    const given = deliveries.filter((delivery) => delivery.kind === kind);
    const inForce = given.some(({ sha256 }) => current.some((list) => list.sha256 === sha256));
    if (inForce) return [];
    const ended = given.flatMap(({ sha256 }) => ends.get(sha256) ?? []);
    if (ended.length > 0) return Math.max(...ended);
    return Math.min(...published.filter((list) => list.kind === kind).map(({ publishedMs }) => publishedMs));
  });
  return since.length === 0 ? undefined : Math.min(...since);
}

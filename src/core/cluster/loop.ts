/**
 * Loops that a configuration would make (design.md §4): a cluster that asks itself, directly or by what is declared of
 * its remotes. What nobody declared is caught by row 0 when it happens.
 */
import type { ClusterId } from './remote.ts';

/** A path from a cluster back to itself, `['a', 'b', 'a']`; `undefined` when there is none. `asks` is who asks whom. */
export function findLoop(
  asks: ReadonlyMap<ClusterId, readonly ClusterId[]>,
): readonly ClusterId[] | undefined {
  const done = new Set<ClusterId>();
  for (const start of asks.keys()) {
    const loop = walk(start, [], asks, done);
    if (loop !== undefined) return loop;
  }
  return undefined;
}

function walk(
  at: ClusterId,
  path: readonly ClusterId[],
  asks: ReadonlyMap<ClusterId, readonly ClusterId[]>,
  done: Set<ClusterId>,
): readonly ClusterId[] | undefined {
  const begun = path.indexOf(at);
  if (begun !== -1) return [...path.slice(begun), at];
  if (done.has(at)) return undefined;
  for (const next of asks.get(at) ?? []) {
    const loop = walk(next, [...path, at], asks, done);
    if (loop !== undefined) return loop;
  }
  done.add(at);
  return undefined;
}

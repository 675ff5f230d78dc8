/** Rounds, interleaved: on a noisy machine only what was measured side by side may be compared, by medians. */
import type { Server } from './servers.ts';

export interface Contest<R> {
  of(server: Server): readonly R[];
  /** The median of one number over the rounds of `server`. */
  median(server: Server, number: (result: R) => number): number;
}

export async function interleaved<R>(
  rounds: number,
  servers: readonly Server[],
  measure: (server: Server) => Promise<R>,
): Promise<Contest<R>> {
  const results = new Map<Server, R[]>(servers.map((server) => [server, []]));
  // The first round only warms caches and compilers.
  for (const server of servers) await measure(server);
  for (let round = 0; round < rounds; round++)
    for (const server of servers) results.get(server)?.push(await measure(server));
  const of = (server: Server): readonly R[] => results.get(server) ?? [];
  return { of, median: (server, number) => medianOf(of(server).map(number)) };
}

export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

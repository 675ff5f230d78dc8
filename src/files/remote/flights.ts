/**
 * One fetch for all who ask for the same file of the same cluster, in the order they came and no more at once than is
 * kind (design.md §4): remoteConcurrentMax per cluster, of which firmware has remoteLargeConcurrentMax; remotePendingMax wait.
 */
import { remoteConcurrentMax, remoteLargeConcurrentMax, remotePendingMax } from '../../base/limits.ts';
import type { ClusterId, RemoteAnswer } from '../../core/cluster/remote.ts';
import { createLimiter, type Limiter } from '../limiter.ts';

/** A fetch that is under way or waits for its turn. */
export interface Flight {
  readonly answer: Promise<RemoteAnswer>;
  /** Settles when the file turns out to be a large one: nobody needs to wait for it. */
  readonly large: Promise<void>;
  waiters: number;
}

export interface Pilot {
  /** Says that the file is large. */
  large(): void;
}

export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #lanes = new Map<ClusterId, { readonly all: Limiter; readonly large: Limiter }>();

  /** `undefined`: too many wait already; nothing was begun. */
  join(
    cluster: ClusterId,
    name: string,
    isLarge: boolean,
    fetch: (pilot: Pilot) => Promise<RemoteAnswer>,
  ): Flight | undefined {
    const key = `${cluster}\n${name}`;
    const known = this.#flights.get(key);
    if (known) return known;
    let large: () => void = () => undefined;
    const isNowLarge = new Promise<void>((resolve) => (large = resolve));
    const crew = { waiters: 0, queued: false };
    const begin = async (): Promise<RemoteAnswer> => {
      // Who waited for its turn has gone: a cluster is not asked for nobody.
      if (crew.queued && crew.waiters === 0 && !isLarge) return givenUp;
      return fetch({ large });
    };
    const lanes = this.#lanesOf(cluster);
    const inAll = (): Promise<RemoteAnswer> => lanes.all.run(begin) ?? Promise.resolve(givenUp);
    const answer = isLarge ? lanes.large.run(inAll) : lanes.all.run(begin);
    crew.queued = true;
    if (answer === undefined) return undefined;
    const flight: Flight = Object.assign(crew, {
      answer: answer.finally(() => this.#flights.delete(key)),
      large: isNowLarge,
    });
    this.#flights.set(key, flight);
    return flight;
  }

  #lanesOf(cluster: ClusterId) {
    const known = this.#lanes.get(cluster);
    if (known) return known;
    const lanes = {
      all: createLimiter(remoteConcurrentMax, remotePendingMax),
      large: createLimiter(remoteLargeConcurrentMax, remotePendingMax),
    };
    this.#lanes.set(cluster, lanes);
    return lanes;
  }
}

const givenUp: RemoteAnswer = { kind: 'busy', reason: 'too many files of this cluster wait' };

/**
 * Whose device is this? One search for all who ask (design.md §2, §4): every remote is asked for the device's
 * configuration at once; the answer comes with the first `have`, with everybody's word, or when the budget is over.
 * A search goes on behind an answer that came early, and what it found is there for who asks again.
 */
import { searchRememberedMs, searchesMax } from '../../base/limits.ts';
import { NewNames } from '../../core/cluster/kindness.ts';
import type {
  ClusterId,
  RemoteAnswer,
  RemoteClaim,
  RemoteClaims,
  RemoteCluster,
} from '../../core/cluster/remote.ts';
import { parseDeviceName } from '../../core/files/file-name.ts';
import type { RemoteAsk } from '../../core/ports.ts';

export interface SearchOptions {
  readonly budgetMs: number;
  readonly nowMs: () => number;
  readonly ask: (remote: RemoteCluster, name: string, ask: RemoteAsk) => Promise<RemoteAnswer>;
}

interface Search {
  readonly claims: Map<ClusterId, RemoteClaim>;
  /** Settles with the first `have`, or when everybody has spoken. */
  readonly settled: Promise<void>;
  finished: boolean;
}

export class Searches {
  readonly #options: SearchOptions;
  readonly #newNames = new NewNames();
  readonly #searches = new Map<string, Search>();

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  async search(device: string, ask: RemoteAsk, remotes: readonly RemoteCluster[]): Promise<RemoteClaims> {
    const silent = new Map<ClusterId, RemoteClaim>(remotes.map(({ id }) => [id, 'silent']));
    // Only names of valid grammar are ever searched for.
    if (parseDeviceName(device) === undefined) return { claims: silent, finished: true };
    const key = `${device} ${remotes.map(({ id }) => id).join(' ')}`;
    const search = this.#searches.get(key) ?? this.#begin(key, device, ask, remotes);
    if (search === undefined) return { claims: silent, finished: false };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#options.budgetMs)));
    await Promise.race([search.settled, late]);
    clearTimeout(timer);
    return { claims: new Map([...silent, ...search.claims]), finished: search.finished };
  }

  #begin(key: string, device: string, ask: RemoteAsk, remotes: readonly RemoteCluster[]): Search | undefined {
    if (this.#searches.size >= searchesMax) return undefined;
    if (!ask.known && !this.#newNames.take(ask.address, this.#options.nowMs())) return undefined;
    let settle: () => void = () => undefined;
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const search: Search = { claims: new Map(), settled, finished: false };
    this.#searches.set(key, search);
    const asked = remotes.map(async (remote) => {
      const name = `${device}.cnf.xml${remote.secure ? '.sgn' : ''}`;
      const answer = await this.#options.ask(remote, name, ask);
      search.claims.set(remote.id, claimOf(answer));
      if (claimOf(answer) === 'have') settle();
    });
    const begunMs = this.#options.nowMs();
    void Promise.allSettled(asked).then(() => {
      search.finished = true;
      settle();
      // In time everybody who asked has heard it; late, it waits for who comes back.
      const late = this.#options.nowMs() - begunMs >= this.#options.budgetMs;
      if (late) setTimeout(() => this.#searches.delete(key), searchRememberedMs).unref();
      else this.#searches.delete(key);
    });
    return search;
  }
}

/** A file that we would block is there all the same: the device is that cluster's. */
function claimOf({ kind }: RemoteAnswer): RemoteClaim {
  if (kind === 'have' || kind === 'blocked') return 'have';
  return kind === 'not-found' ? 'not-found' : 'silent';
}

/**
 * The `Store` of a serving node whose database is elsewhere (design.md §7): it reads its own copy (replica.ts), which
 * follows the source by LISTEN and by looking; it writes to the source. While the source is away it goes on with the
 * last copy. New content is then signed under timestamps of the copy's book, by the rule of the source's, so nodes that
 * know the same give the same; they are durable here before a signature leaves, and told to the source before
 * anything else is asked of it (owed.ts). Refused: a first start without the source.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/errors.ts';
import {
  nodeStateEveryMs,
  replicaLookMs,
  replicaRetryMsMax,
  replicaRetryMsMin,
  timestampWaitMsMax,
} from '../base/limits-database.ts';
import type { Crypto, Store } from '../core/ports.ts';
import type { Database, SharedWork, Whose, WorkLocks } from './database.ts';
import { createStore } from './open-store.ts';
import { isOwing, payOwed } from './owed.ts';
import { openReplica, owed, type Replica } from './replica.ts';
import { sourceMoment } from './tables/change-count.ts';
import { saveHomes } from './tables/device-home.ts';
import { putNodeState } from './tables/node-state.ts';
import { createTimestamps, decideIn, type DecideTimestamps } from './timestamps.ts';

export interface SubscriptionOptions {
  /** Connects; brought forward to this program's schema. */
  readonly openSource: () => Promise<Database>;
  readonly locks: WorkLocks;
  /** Of the copy. */
  readonly path: string;
  readonly crypto: Crypto;
  readonly thisNode: string | undefined;
  /** How often it looks for what it was not told of; default replicaLookMs. */
  readonly lookEveryMs?: number | undefined;
}

/** Whether the source answers. */
export interface SourceState {
  /** Undefined while it does. When it was lost, monotonic. */
  readonly awaySinceMs: number | undefined;
  /** Why, while it is away. */
  readonly reason: string;
}

export interface Subscription {
  readonly store: Store;
  state(): SourceState;
  /** Of every change. */
  onState(listener: (state: SourceState) => void): void;
  /** What phones get from now on; the source is told. */
  serving(version: number): void;
  /** Whether this node is the one that does it (postgres-work.ts). */
  whose(work: SharedWork): Promise<Whose>;
  /** 0 until something is served. */
  servedVersion(): number;
}

/** Failure when the source is away and nothing was ever copied. */
export async function openSubscription(options: SubscriptionOptions): Promise<Subscription> {
  const replica = await openReplica(options.path);
  const subscriber = new Subscriber(options, replica);
  try {
    await subscriber.start();
  } catch (error) {
    await subscriber.close();
    throw error;
  }
  return subscriber;
}

class Subscriber implements Subscription {
  readonly store: Store;
  readonly #options: SubscriptionOptions;
  readonly #lookEveryMs: number;
  readonly #replica: Replica;
  #source: Database | undefined;
  #sourceStore: Store | undefined;
  #endListening: (() => void) | undefined;
  #state: SourceState = { awaySinceMs: undefined, reason: '' };
  readonly #stateListeners = new Set<(state: SourceState) => void>();
  readonly #versionListeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;
  #isWanted = false;
  #isClosed = false;
  #retryMs = replicaRetryMsMin;
  /** Something may be owed. */
  #isOwing = true;
  /** Signatures that are being written here. */
  #writingHere = 0;
  #version: number | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: SubscriptionOptions, replica: Replica) {
    this.#options = options;
    this.#lookEveryMs = options.lookEveryMs ?? replicaLookMs;
    this.#replica = replica;
    const { crypto, thisNode } = options;
    const copy = createStore(replica.database, crypto, thisNode);
    this.store = {
      ...copy,
      ...writesOf(() => this.#upstream()),
      signedTimestamp: createTimestamps(replica.database, this.#decide),
      rememberHomes: (homes) => this.#rememberHomes(homes),
      onVersion: (listener) => {
        this.#versionListeners.add(listener);
        return () => this.#versionListeners.delete(listener);
      },
      close: () => this.close(),
    };
  }

  state(): SourceState {
    return this.#state;
  }

  onState(listener: (state: SourceState) => void): void {
    this.#stateListeners.add(listener);
  }

  serving(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#toldAt = Number.NEGATIVE_INFINITY;
    this.#look();
  }

  whose(work: SharedWork): Promise<Whose> {
    return this.#options.locks.whose(work);
  }

  servedVersion(): number {
    return this.#version ?? 0;
  }

  async start(): Promise<void> {
    let failure: unknown;
    // It listens before it has copied: what is told meanwhile is looked at afterwards.
    this.#turn = this.#follow().catch((error: unknown) => void (failure = error));
    await this.#turn;
    this.#turn = undefined;
    if (failure !== undefined) {
      if (this.#replica.copied() === undefined || !(failure instanceof Failure)) throw failure;
      this.#lost(failure);
    }
    this.#endTurn();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#endListening?.();
    await this.#turn;
    await this.#options.locks.close();
    await this.#source?.close();
    await this.#replica.close();
  }

  #upstream(): Store {
    if (this.#sourceStore !== undefined) return this.#sourceStore;
    throw new Failure('unreachable', `the database is away: ${this.#state.reason}`);
  }

  /** Now, or right after the look that is under way. */
  #look(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    if (this.#turn !== undefined) {
      this.#isWanted = true;
      return;
    }
    this.#turn = this.#takeTurn().finally(() => {
      this.#turn = undefined;
      this.#endTurn();
    });
  }

  #endTurn(): void {
    const isWanted = this.#isWanted && this.#state.awaySinceMs === undefined;
    this.#isWanted = false;
    if (isWanted) this.#look();
    else this.#again(this.#state.awaySinceMs === undefined ? this.#lookEveryMs : this.#retryMs);
  }

  #again(afterMs: number): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#look(), afterMs);
  }

  async #takeTurn(): Promise<void> {
    try {
      await this.#follow();
    } catch (error) {
      this.#retryMs = Math.min(this.#retryMs * 2, replicaRetryMsMax);
      this.#lost(error);
    }
  }

  /** One look at the source: what is owed first, then what is new, then how we do. */
  async #follow(): Promise<void> {
    const source = await this.#connect();
    if (this.#isOwing) await this.#pay(source);
    const before = this.#replica.copied();
    const now = await sourceMoment(source.query);
    if (before === undefined || now.mark !== before.mark || now.revision !== before.revision)
      await this.#replica.copy(source);
    this.#here();
    if (this.#replica.copied()?.revision !== before?.revision)
      for (const listener of this.#versionListeners) listener();
    await this.#tell(source);
  }

  async #connect(): Promise<Database> {
    if (this.#source !== undefined) return this.#source;
    const source = await this.#options.openSource();
    this.#source = source;
    this.#sourceStore = createStore(source, this.#options.crypto, this.#options.thisNode);
    this.#endListening = source.listen?.(() => this.#look());
    return source;
  }

  async #pay(source: Database): Promise<void> {
    await payOwed(this.#replica.database, source);
    // Somebody may sign here this very moment; the next look pays for it.
    const owing = await isOwing(this.#replica.database);
    if (!owing && this.#writingHere === 0) this.#isOwing = false;
    else this.#isWanted = true;
  }

  async #tell(source: Database): Promise<void> {
    const { thisNode } = this.#options;
    const now = performance.now();
    if (thisNode === undefined || this.#version === undefined || now - this.#toldAt < nodeStateEveryMs)
      return;
    await putNodeState(source.query, source.columns, thisNode, this.#version);
    this.#toldAt = now;
  }

  /** In the source while it answers; here while it does not, or has not been told yet what was signed here. */
  readonly #decide: DecideTimestamps = async (questions) => {
    const source = this.#source;
    if (source !== undefined && this.#state.awaySinceMs === undefined && !this.#isOwing) {
      try {
        const given = await within(decideIn(source)(questions), timestampWaitMsMax);
        this.#replica.note(questions.map((question, at) => ({ ...question, timestamp: given[at] ?? 0 })));
        return given;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        this.#look();
      }
    }
    return this.#writeHere(() => decideIn(this.#replica.database, owed)(questions));
  };

  async #rememberHomes(homes: Parameters<Store['rememberHomes']>[0]): Promise<void> {
    if (this.#state.awaySinceMs === undefined) {
      try {
        return await this.#upstream().rememberHomes(homes);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
    await this.#writeHere(() =>
      this.#replica.database.write((transaction) => saveHomes(transaction, homes, { mark: owed })),
    );
  }

  async #writeHere<T>(write: () => Promise<T>): Promise<T> {
    this.#isOwing = true;
    this.#writingHere += 1;
    try {
      return await write();
    } finally {
      this.#writingHere -= 1;
      if (this.#state.awaySinceMs === undefined) this.#look();
    }
  }

  #lost(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const isNews = this.#state.awaySinceMs === undefined;
    this.#setState({ awaySinceMs: this.#state.awaySinceMs ?? performance.now(), reason }, isNews);
  }

  #here(): void {
    this.#retryMs = replicaRetryMsMin;
    this.#setState({ awaySinceMs: undefined, reason: '' }, this.#state.awaySinceMs !== undefined);
  }

  #setState(state: SourceState, isNews: boolean): void {
    this.#state = state;
    if (isNews) for (const listener of this.#stateListeners) listener(state);
  }
}

/** Failure `unreachable` after `ms`; the work goes on and its end is nobody's. */
async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const ended = new AbortController();
  const late = sleep(ms, undefined, { signal: ended.signal }).then(() => {
    throw new Failure('unreachable', `the database did not answer within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
    late.catch(() => undefined);
    work.catch(() => undefined);
  }
}

/** What changes the cluster goes to the source, or fails with it. */
function writesOf(upstream: () => Store): Pick<Store, (typeof writes)[number]> {
  const forward =
    (name: (typeof writes)[number]) =>
    (...given: unknown[]) =>
      Promise.resolve().then(() => (upstream()[name] as (...rest: unknown[]) => unknown)(...given));
  return Object.fromEntries(writes.map((name) => [name, forward(name)])) as unknown as Pick<
    Store,
    (typeof writes)[number]
  >;
}

const writes = [
  'createCluster',
  'publish',
  'addCertificate',
  'retireCertificate',
  'recordAudit',
  'continueAbove',
  'changeTrust',
  'acceptBulkPeer',
  'markBulkSeen',
  'nextBulkCounter',
  'addRemote',
  'removeRemote',
  'pinRemote',
  'saveProbe',
  'moveHomes',
  'addDevice',
  'changeDevice',
  'removeDevice',
  'writeProvisioning',
  'importDevices',
  'announceDevices',
  'markReset',
  'listAudit',
  'listBulkPeers',
  'listNodeStates',
  'shareBeliefs',
  'listSharedBeliefs',
  'noteTvsAskers',
  'findTvsAskers',
  'shareTvsReport',
  'listTvsReports',
] as const satisfies readonly (keyof Store)[];

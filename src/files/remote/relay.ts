/**
 * The verifying relay: a remote's file is fetched into quarantine, judged as a phone of that cluster would judge it, and
 * only then handed on (design.md §4). With a pin what a phone would refuse is blocked, without one only told.
 *
 * Refused: names outside the grammar, files above the limits, whatever the quarantine has no room for. Every promise
 * ends within remoteBudgetMs; what takes longer goes on and is there for who comes back.
 */
import { Failure } from '../../base/errors.ts';
import type { EventSink } from '../../base/events.ts';
import {
  fetchedFileBytesMax,
  relayedTimestampsMax,
  remoteBudgetMs,
  remoteFirmwareMsMax,
  remoteLargeBytesMin,
  remoteRestMs,
  remoteTransferMsMax,
  searchesMax,
  signedFileBytesMax,
  trustListBytesMax,
} from '../../base/limits.ts';
import { sourceKey } from '../../core/cluster/kindness.ts';
import { isJudged, mayBeOurFault } from '../../core/cluster/relayed.ts';
import { serverKey } from '../../core/cluster/remote-store.ts';
import {
  verifyOf,
  type ClusterId,
  type RemoteAnswer,
  type RemoteCluster,
} from '../../core/cluster/remote.ts';
import { parseFileName, type FileName } from '../../core/files/file-name.ts';
import type { Content } from '../../core/files/resolution.ts';
import type {
  Quarantine,
  QuarantinedFile,
  RemoteAsk,
  RemoteFiles,
  RemotePhone,
  RemoteTransport,
  WallClock,
} from '../../core/ports.ts';
import type { Judgement } from '../../core/trust/judge.ts';
import { listKindOfName } from '../../core/trust/name-check.ts';
import { Recent } from '../../core/tftp/recent.ts';
import { decodeSignedHeader } from '../../wire/signed-header.ts';
import { Flights, type Flight, type Pilot } from './flights.ts';
import { judgeContent, type JudgeOptions } from './judge-content.ts';
import { KeptFiles, type HaveAnswer } from './kept.ts';
import { Searches } from './searches.ts';

export interface RelayOptions extends JudgeOptions {
  readonly transport: RemoteTransport;
  readonly quarantine: Quarantine;
  readonly clock: WallClock;
  readonly onEvent: EventSink;
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number;
  readonly budgetMs?: number;
}

export interface Relay extends RemoteFiles {
  setRemotes(remotes: readonly RemoteCluster[]): void;
  /** Nothing that was kept of this cluster is given again. */
  forget(cluster: ClusterId): void;
  close(): void;
}

export function createRelay(options: RelayOptions): Relay {
  return new VerifyingRelay(options);
}

class VerifyingRelay implements Relay {
  readonly #options: RelayOptions;
  readonly #budgetMs: number;
  readonly #flights = new Flights();
  readonly #kept: KeptFiles;
  readonly #searches: Searches;
  /** Newest timestamp that passed, by server and name: phones never go back. */
  readonly #newest = new Recent<number>(relayedTimestampsMax);
  /** How large files ended that nobody waited for, until they are tried again. */
  readonly #ended = new Recent<{ readonly answer: RemoteAnswer; readonly untilMs: number }>(searchesMax);
  #remotes = new Map<ClusterId, RemoteCluster>();
  readonly #nowMs: () => number;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#budgetMs = options.budgetMs ?? remoteBudgetMs;
    const nowMs = options.nowMs ?? (() => performance.now());
    this.#nowMs = nowMs;
    this.#kept = new KeptFiles(nowMs);
    this.#searches = new Searches({
      budgetMs: this.#budgetMs,
      nowMs,
      // A search has the patience that a phone has not: its answer is worth having late.
      ask: (remote, name, ask) => this.#ask(remote.id, name, ask, ({ answer }) => answer),
    });
  }

  setRemotes(remotes: readonly RemoteCluster[]): void {
    for (const [id, before] of this.#remotes) {
      const now = remotes.find((remote) => remote.id === id);
      if (JSON.stringify(now) !== JSON.stringify(before)) this.#kept.forget(id);
    }
    this.#remotes = new Map(remotes.map((remote) => [remote.id, remote]));
    this.#options.transport.setRemotes(remotes);
  }

  forget(cluster: ClusterId): void {
    this.#kept.forget(cluster);
  }

  close(): void {
    this.#options.transport.close();
    this.#kept.close();
  }

  search(device: string, ask: RemoteAsk, among?: readonly ClusterId[]) {
    const remotes = [...this.#remotes.values()].filter(({ id }) => among?.includes(id) ?? true);
    return this.#searches.search(device, ask, remotes);
  }

  async fetch(cluster: ClusterId, name: string, ask: RemoteAsk): Promise<RemoteAnswer> {
    return this.#ask(cluster, name, ask, (flight) => this.#wait(flight));
  }

  async #ask(
    cluster: ClusterId,
    asked: string,
    ask: RemoteAsk,
    wait: (flight: Flight) => Promise<RemoteAnswer>,
  ): Promise<RemoteAnswer> {
    const remote = this.#remotes.get(cluster);
    const name = parseFileName(asked);
    if (remote === undefined || !name.ok) return { kind: 'unreachable', reason: 'no such cluster or name' };
    const kept = this.#kept.get(cluster, asked);
    if (kept) return kept;
    const ended = this.#ended.get(`${cluster}\n${asked}`);
    if (ended !== undefined && ended.untilMs > this.#nowMs()) return ended.answer;
    if (!this.#options.transport.mayAsk(cluster))
      return { kind: 'unreachable', reason: 'no server of the cluster answers' };
    const isLarge = name.value.kind === 'firmware';
    const flight = this.#flights.join(cluster, asked, isLarge, (pilot) =>
      this.#fly(remote, name.value, ask, pilot),
    );
    if (flight === undefined)
      return this.#told(cluster, { kind: 'busy', reason: 'too many files of this cluster wait' });
    flight.waiters++;
    const answer = await wait(flight).finally(() => flight.waiters--);
    return this.#told(cluster, answer);
  }

  /** The flight's answer, or that it takes longer than a phone waits. */
  async #wait(flight: Flight): Promise<RemoteAnswer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<RemoteAnswer>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'busy', reason: 'still on its way' }), this.#budgetMs);
    });
    const large = flight.large.then((): RemoteAnswer => ({
      kind: 'busy',
      reason: 'a large file is being fetched',
    }));
    return Promise.race([flight.answer, large, late]).finally(() => clearTimeout(timer));
  }

  async #fly(remote: RemoteCluster, name: FileName, ask: RemoteAsk, pilot: Pilot): Promise<RemoteAnswer> {
    this.#kept.makeRoom(false);
    const file = this.#options.quarantine.open(remote.id, sourceKey(ask.address));
    let keep = false;
    let isLarge = false;
    const large = (): void => {
      isLarge = true;
      pilot.large();
    };
    try {
      const answer = await this.#fetchInto(file, remote, name, { large });
      if (answer.kind === 'have') {
        this.#kept.keep(remote.id, name, answer, file);
        keep = true;
      } else if (isLarge)
        this.#ended.set(`${remote.id}\n${name.asked}`, { answer, untilMs: this.#nowMs() + remoteRestMs });
      return answer;
    } catch (error) {
      // The disk, not the remote; and nobody may be left who would hear of it.
      const message = error instanceof Error ? error.message : String(error);
      this.#options.onEvent({ type: 'warning', topic: 'relay', message });
      return { kind: 'busy', reason: 'the file cannot be kept here' };
    } finally {
      if (!keep) file.discard();
    }
  }

  async #fetchInto(
    file: QuarantinedFile,
    remote: RemoteCluster,
    name: FileName,
    pilot: Pilot,
  ): Promise<RemoteAnswer> {
    const firmware = name.kind === 'firmware';
    const { word, server } = await this.#options.transport.ask(remote.id, {
      name: name.asked,
      sink: watchSize(file, pilot, () => this.#kept.makeRoom(true)),
      sizeBytesMax: sizeMaxOf(name),
      timeoutMs: firmware ? remoteFirmwareMsMax : remoteTransferMsMax,
    });
    const tell = (outcome: 'have' | 'not-found' | 'lied' | 'silent' | 'no-room'): void =>
      this.#options.onEvent({ type: 'relay-answered', cluster: remote.id, outcome });
    switch (word.kind) {
      case 'whole':
        tell('have');
        return this.#judge(await file.finish(word.sizeBytes), server, remote, name);
      case 'not-found':
        tell('not-found');
        return { kind: 'not-found', server };
      case 'no-room':
        tell('no-room');
        return { kind: 'busy', reason: word.reason };
      case 'wrong':
      case 'silent':
        tell(word.kind === 'wrong' ? 'lied' : 'silent');
        return { kind: 'unreachable', reason: word.reason };
    }
  }

  async #judge(
    content: Content,
    server: HaveAnswer['server'],
    remote: RemoteCluster,
    name: FileName,
  ): Promise<RemoteAnswer> {
    const have: HaveAnswer = { kind: 'have', content, server, judgement: undefined };
    if (remote.pin === undefined || !isJudged(name)) return have;
    const enforce = verifyOf(remote) === 'enforce';
    const judgement = await this.#judgement(content, serverKey(server), remote.id, name);
    if (judgement === undefined)
      return enforce ? { kind: 'unreachable', reason: 'the lists of the cluster are not known yet' } : have;
    if (judgement.phone !== 'reject') {
      this.#passed(remote.id, serverKey(server), name, content, judgement);
      return { ...have, judgement };
    }
    const { code, reason } = judgement;
    this.#options.onEvent({
      type: 'relay-refused',
      cluster: remote.id,
      server: serverKey(server),
      name: name.asked,
      code,
      reason,
      blocked: enforce,
    });
    return enforce ? { kind: 'blocked', server, reason } : { ...have, judgement };
  }

  /** The second look is by lists that were fetched because of the first. */
  async #judgement(
    content: Content,
    server: string,
    cluster: ClusterId,
    name: FileName,
  ): Promise<Judgement | undefined> {
    const { trust, clock } = this.#options;
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const look = async (): Promise<Judgement | undefined> => {
      const phones = (await trust.phonesOf(cluster)).map((phone) => this.#remembering(phone, server));
      const file = { cluster, server, name: name.asked, content };
      return phones.length === 0 ? undefined : judgeContent(this.#options, phones, file, nowSeconds);
    };
    const first = await look();
    if (first !== undefined && !mayBeOurFault(first)) return first;
    await trust.refresh(cluster);
    return look();
  }

  /** A phone of the cluster that took from this server what we passed on. */
  #remembering(phone: RemotePhone, server: string): RemotePhone {
    const newest = (name: string): number | undefined => this.#newest.get(`${server}\n${name}`);
    return { ...phone, trust: { ...phone.trust, newest } };
  }

  #passed(cluster: ClusterId, server: string, name: FileName, content: Content, judgement: Judgement): void {
    const { lint, phone } = judgement;
    if (lint.length > 0)
      this.#options.onEvent({ type: 'relay-lint', cluster, name: name.asked, codes: lint });
    if (phone !== 'accept' || content.kind !== 'memory') return;
    const header = decodeSignedHeader(content.bytes);
    const timestamp = header.ok ? header.value.timestamp : undefined;
    const key = `${server}\n${name.asked}`;
    const before = this.#newest.get(key) ?? 0;
    if (timestamp !== undefined && timestamp > before) this.#newest.set(key, timestamp);
    // Another list than the one that is known: whoever keeps them should hear of it.
    if (listKindOfName(name.asked) !== undefined && judgement.code !== 'accepted-same-list')
      void this.#options.trust.refresh(cluster).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#options.onEvent({ type: 'warning', topic: 'remote lists', message });
      });
  }

  #told(cluster: ClusterId, answer: RemoteAnswer): RemoteAnswer {
    if (answer.kind === 'busy') this.#options.onEvent({ type: 'relay-answered', cluster, outcome: 'busy' });
    return answer;
  }
}

/** Tells the pilot as soon as the file is known to be a large one, and makes room on disk once when there is none. */
function watchSize(file: QuarantinedFile, pilot: Pilot, makeRoom: () => void): QuarantinedFile {
  const noted = (sizeBytes: number): void => {
    if (sizeBytes >= remoteLargeBytesMin) pilot.large();
  };
  const retried = (call: () => Promise<void> | undefined): Promise<void> | undefined => {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'storage-full')) throw error;
      makeRoom();
      return call();
    }
  };
  return {
    announce(sizeBytes) {
      const done = retried(() => file.announce(sizeBytes));
      noted(sizeBytes);
      return done;
    },
    write(bytes, offset) {
      const done = retried(() => file.write(bytes, offset));
      noted(offset + bytes.length);
      return done;
    },
    finish: (sizeBytes) => file.finish(sizeBytes),
    discard: () => file.discard(),
  };
}

function sizeMaxOf(name: FileName): number {
  if (listKindOfName(name.asked) !== undefined) return trustListBytesMax;
  return name.kind === 'firmware' ? fetchedFileBytesMax : signedFileBytesMax;
}

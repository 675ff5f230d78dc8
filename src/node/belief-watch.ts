/**
 * Beliefs while a server runs: what the edge heard goes into the book, the book's changes go to their file every second.
 * The book cannot know which generation a transfer carried, so every one that was served while it ran counts.
 */
import { existsSync } from 'node:fs';
import {
  beliefFlushMs,
  beliefsPerTransactionMax,
  believedAddressesMax,
  markerWaitMs,
} from '../base/limits.ts';
import { tvsAskedCountsMs, tvsAskersWaitMs } from '../base/limits-tvs.ts';
import type { EventSink } from '../base/events.ts';
import { parseFileName, type FileNameKind } from '../core/files/file-name.ts';
import { anyOfOurs, BeliefSets, type PairKey, type SetId } from '../core/trust/belief.ts';
import { BeliefBook, type Observation, type ServedList } from '../core/trust/belief-book.ts';
import { pairsOf } from '../core/trust/set-with-gaps.ts';
import type { BeliefWriter, HeardBeliefs } from '../core/trust/belief-store.ts';
import { explainsHandshake, type ExplainsHandshake } from '../core/trust/handshake.ts';
import { beliefsAccept, explainsBy, ListLibrary, type Acceptance } from '../core/trust/list-library.ts';
import { markerName, mayBeMarker } from '../core/trust/marker.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import type { PublishedList } from '../core/cluster/model.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { anybodyAsked, type TvsAsker } from '../core/tvs/asker.ts';
import { openBeliefs } from '../store/beliefs.ts';
import { createBeliefShare } from './belief-share.ts';
import { createDeviceNames } from './device-names.ts';
import { createHandshakeWatch, type NamedHandshake } from './handshake-watch.ts';
import type { Heard } from './heard.ts';
import type { OpenNode } from './open-node.ts';
import { TvsAskers } from './tvs-askers.ts';

/** What the back serves from one moment on. */
export interface ServedMoment {
  /** Of the database. */
  readonly version: number;
  /** Its id. */
  readonly cluster: string;
  readonly lists: readonly PublishedList[];
  readonly fileSigner: CertificateFacts;
}

export interface BeliefWatch {
  heard(heard: Heard): void;
  /** Phones that named themselves to a server of ours. */
  shookHands(seen: readonly SeenHandshake[]): void;
  /** An edge ended: what it had not told is lost. */
  lost(): void;
  /** Would it take a file by the certificate of this fingerprint, as far as its behaviour tells? */
  accepts(device: string, signer: string): Acceptance;
  /** A TVS vouched to these for a signer of files. */
  vouched(askers: readonly TvsAsker[]): void;
  /** Told before anybody is given it. */
  serving(moment: ServedMoment): Promise<void>;
  close(): Promise<void>;
}

export async function startBeliefWatch(
  node: OpenNode,
  onEvent: EventSink,
  { runsTvs }: { readonly runsTvs: boolean },
): Promise<BeliefWatch> {
  const isLost = !existsSync(node.folder.beliefsFile);
  const published = await node.store.listPublished();
  const writer = openBeliefs(node.folder.beliefsFile);
  // Another node's may answer, and one that ran here until lately.
  const mayAskTvs = runsTvs || node.subscription !== undefined || (await wasAskedLately(node));
  const watch = new Watch(node, writer, new ListLibrary(node.crypto, published), mayAskTvs);
  // A folder of an older program, or a file that somebody removed: phones may hold whatever was ever published.
  if (isLost) watch.missed([anyOfOurs]);
  if (writer.stored.unfinished) {
    watch.missed(pairsOf(writer.stored.serving));
    if (mayAskTvs) watch.vouched([anybodyAsked]);
  }
  const warn = (message: string): void => onEvent({ type: 'warning', topic: 'beliefs', message });
  const share = createBeliefShare(node, writer.stored, warn);
  const handshakes = createHandshakeWatch(node, (named) => watch.named(named), warn);
  const warnOf = (error: unknown): void => warn(error instanceof Error ? error.message : String(error));
  const isAway = (): boolean => node.subscription?.state().awaySinceMs !== undefined;
  const settle = async (): Promise<void> => {
    if (isAway()) return;
    try {
      await watch.settle();
    } catch (error) {
      if (!isAway()) warnOf(error);
    }
  };
  watch.onSaved = share.add;
  const timer = setInterval(() => {
    void share.tell();
    void settle();
    try {
      watch.flush();
    } catch (error) {
      warnOf(error);
      // What was taken from the book is lost for the file.
      watch.lost();
    }
  }, beliefFlushMs);
  return {
    heard: (heard) => watch.heard(heard),
    shookHands: handshakes.shookHands,
    lost: () => watch.lost(),
    accepts: (device, signer) => watch.accepts(device, signer),
    vouched: (askers) => watch.vouched(askers),
    serving(moment) {
      handshakes.changed();
      return watch.serving(moment);
    },
    async close() {
      clearInterval(timer);
      handshakes.close();
      await settle();
      watch.close();
      await share.tell();
    },
  };
}

async function wasAskedLately({ store, clock }: OpenNode): Promise<boolean> {
  const askers = await store.findTvsAskers('all', clock.nowMs() - tvsAskedCountsMs);
  return askers.length > 0;
}

interface Interval {
  readonly cluster: string;
  readonly lists: readonly ServedList[];
  readonly signer: CertificateFacts;
  /** Monotonic milliseconds. */
  untilMs: number;
}

/**
 * What a phone will ask for if it takes the configuration that it was given last. Without it, or after the lists were
 * asked for again, a marker says nothing: a phone that got no configuration, or refused it, goes on with the one that
 * it keeps, and asks for what that one names.
 */
interface Expected {
  readonly device: string;
  /** Marker, lower-case → who signed the configuration that names it; two, around a change of signers. */
  readonly markers: ReadonlyMap<string, CertificateFacts>;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/** That a phone took its configuration, while nobody knows yet whether a TVS vouched for the signer to it. */
interface Shown {
  readonly device: string;
  readonly address: string;
  readonly signer: CertificateFacts;
  /** What it may have held then. */
  readonly set: SetId | undefined;
  /** Monotonic milliseconds. */
  readonly dueMs: number;
}

/** The edge repeats an answer for a second, tells in bundles, and may be slow. */
const slackMs = 5_000;
/** No transfer is older. */
const intervalKeptMs = 600_000;

class Watch {
  readonly #node: OpenNode;
  readonly #writer: BeliefWriter;
  readonly #sets = new BeliefSets();
  readonly #book: BeliefBook;
  #library: ListLibrary;
  /** By service and server, of this library. */
  readonly #explained = new Map<string, ExplainsHandshake>();
  #savedGap: number;
  #intervals: readonly Interval[] = [];
  onSaved: (heard: HeardBeliefs) => void = () => undefined;
  /** By address. */
  readonly #expected = new Map<string, Expected>();
  /** By address. */
  readonly #shown = new Map<string, Shown>();
  readonly #askers: TvsAskers;
  readonly #mayAskTvs: boolean;

  readonly #deviceNames: () => Promise<ReadonlySet<string>>;

  constructor(node: OpenNode, writer: BeliefWriter, library: ListLibrary, mayAskTvs: boolean) {
    this.#node = node;
    this.#askers = new TvsAskers(node);
    this.#mayAskTvs = mayAskTvs;
    this.#deviceNames = createDeviceNames(node.store);
    this.#writer = writer;
    this.#library = library;
    const { devices, gaps } = writer.stored;
    this.#savedGap = gaps.at(-1)?.number ?? 0;
    this.#book = new BeliefBook(
      this.#sets,
      explainsBy(() => this.#library),
      devices.map(({ pairs, ...belief }) => ({ ...belief, set: this.#sets.of(pairs) })),
      gaps,
    );
  }

  missed(pairs: readonly PairKey[]): void {
    this.#book.addGap(pairs, this.#node.clock.nowMs());
  }

  lost(): void {
    this.missed(pairsOf(this.#intervals.at(-1)?.lists ?? this.#writer.stored.serving));
  }

  heard({ seen, lostCount }: Heard): void {
    for (const observation of seen) this.#hear(observation);
    if (lostCount) this.lost();
  }

  named({ device, handshake, server }: NamedHandshake): void {
    const key = `${handshake.service} ${handshake.server}`;
    const explains = this.#explained.get(key) ?? explainsHandshake(this.#library, server);
    this.#explained.set(key, explains);
    this.#book.shookHands(device, handshake, explains);
  }

  async serving({ cluster, lists, fileSigner }: ServedMoment): Promise<void> {
    const { store, crypto } = this.#node;
    const names = await this.#deviceNames();
    this.#book.knowDevices((name) => names.has(name));
    const last = this.#intervals.at(-1);
    const same = last?.lists.map(({ sha256 }) => sha256).join() === lists.map(({ sha256 }) => sha256).join();
    if (same && last?.signer.fingerprint === fileSigner.fingerprint) return;
    const now = performance.now();
    for (const interval of this.#intervals) interval.untilMs = Math.min(interval.untilMs, now);
    this.#intervals = [
      ...this.#intervals.filter(({ untilMs }) => now - untilMs < intervalKeptMs),
      {
        cluster,
        lists: lists.map(({ kind, sha256 }) => ({ kind, sha256 })),
        signer: fileSigner,
        untilMs: Infinity,
      },
    ];
    this.#library = new ListLibrary(crypto, await store.listPublished());
    this.#explained.clear();
    this.#writer.serving(this.#intervals.slice(-2).flatMap((interval) => interval.lists));
  }

  accepts(device: string, signer: string): Acceptance {
    const belief = this.#book.find(device);
    const now = this.#intervals.at(-1)?.signer;
    if (belief === undefined || now?.fingerprint !== signer) return 'unknown';
    return beliefsAccept(this.#library, this.#sets.pairs(belief.set), now);
  }

  vouched(askers: readonly TvsAsker[]): void {
    this.#askers.add(askers);
  }

  /**
   * What phones showed a while ago, when every TVS has had the time to say whom it vouched to. Rejects while the database
   * is away; what was shown waits for it.
   */
  async settle(): Promise<void> {
    const now = performance.now();
    const due = [...this.#shown.values()].filter(({ dueMs }) => now >= dueMs);
    if (due.length === 0) return this.#askers.write();
    const asked = await this.#askers.among(due);
    for (const shown of due) {
      const { device, address, set } = shown;
      if (this.#shown.get(address) !== shown) continue;
      this.#shown.delete(address);
      // What it was given since, it may have taken since.
      if (this.#book.find(device)?.set === set) this.#showed(shown, asked.has(shown));
    }
  }

  flush(): void {
    const gaps = this.#book.gaps.filter(({ number }) => number > this.#savedGap);
    const changed = this.#book.takeChanged(beliefsPerTransactionMax);
    if (gaps.length + changed.length === 0) return;
    const written = changed.map(({ set, ...belief }) => ({ ...belief, pairs: this.#sets.pairs(set) }));
    this.#writer.save(written, gaps);
    this.onSaved({ devices: written, gaps });
    this.#savedGap = gaps.at(-1)?.number ?? this.#savedGap;
  }

  close(): void {
    this.missed(pairsOf(this.#book.unattributed()));
    do this.flush();
    while (this.#book.hasChanged);
    this.#writer.close();
  }

  #hear(seen: Observation): void {
    const name = parseFileName(seen.name);
    if (!name.ok) return;
    const { base, kind, signed, device } = name.value;
    if (mayBeMarker(base)) {
      if (signed && seen.proved) this.#askedForMarker(seen.address, base.toLowerCase());
      return;
    }
    const now = performance.now();
    const during = this.#intervals.filter(({ untilMs }) => untilMs >= now - seen.durationMs - slackMs);
    const lists = during.flatMap((interval) => interval.lists);
    const fileSigner = during.at(-1)?.signer.fingerprint;
    this.#book.observe(seen, { lists, fileSigner }, this.#node.clock.nowMs());
    // Over TLS the configuration is not signed: taking it shows nothing of its signer.
    const isSigned = signed && device !== undefined && configKinds.has(kind) && seen.transport !== 'https';
    if (!configKinds.has(kind)) {
      this.#expected.delete(seen.address);
      this.#shown.delete(seen.address);
    } else if (isSigned && seen.kind === 'delivered') this.#expectMarker(seen.address, device, during, now);
  }

  /** In the order of a boot: lists, the configuration, what it names. */
  #expectMarker(address: string, device: string, during: readonly Interval[], now: number): void {
    const markers = during.map(({ cluster, signer }): [string, CertificateFacts] => [
      markerName(this.#node.crypto, cluster, device, signer.fingerprint).toLowerCase(),
      signer,
    ]);
    this.#expected.delete(address);
    this.#expected.set(address, { device, markers: new Map(markers), untilMs: now + markerWaitMs });
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > believedAddressesMax && oldest !== undefined) this.#expected.delete(oldest);
  }

  #askedForMarker(address: string, marker: string): void {
    const expected = this.#expected.get(address);
    const signer = expected?.markers.get(marker);
    if (expected === undefined || signer === undefined || performance.now() > expected.untilMs) return;
    const { device } = expected;
    const shown = { device, address, signer, set: this.#book.find(device)?.set };
    if (!this.#mayAskTvs) return this.#showed(shown, false);
    this.#shown.delete(address);
    this.#shown.set(address, { ...shown, dueMs: performance.now() + tvsAskersWaitMs });
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > believedAddressesMax && oldest !== undefined) this.#shown.delete(oldest);
  }

  #showed({ device, address, signer }: Omit<Shown, 'dueMs'>, vouched: boolean): void {
    const nowMs = this.#node.clock.nowMs();
    if (vouched) this.#book.tookFile(device, address, nowMs);
    else this.#book.showedBelief(device, address, signer, nowMs);
  }
}

const configKinds: ReadonlySet<FileNameKind> = new Set(['config', 'encrypted-config']);

/**
 * Beliefs while a server runs: what the edge heard goes into the book, the book's changes go to their file every second.
 * The book cannot know which generation a transfer carried, so every one that was served while it ran counts.
 */
import { existsSync } from 'node:fs';
import { believedAddressesMax, beliefFlushMs, beliefsPerTransactionMax } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import { parseFileName } from '../core/files/file-name.ts';
import { anyOfOurs, BeliefSets, type PairKey } from '../core/trust/belief.ts';
import { BeliefBook, pairsOf, type Observation, type ServedList } from '../core/trust/belief-book.ts';
import type { BeliefWriter, HeardBeliefs } from '../core/trust/belief-store.ts';
import { beliefsAccept, ListLibrary, type Acceptance } from '../core/trust/list-library.ts';
import { markerName } from '../core/trust/marker.ts';
import type { PublishedList } from '../core/cluster/model.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { openBeliefs } from '../store/beliefs.ts';
import { createBeliefShare } from './belief-share.ts';
import type { Heard } from './heard.ts';
import type { OpenNode } from './open-node.ts';

/** What the back serves from one moment on. */
export interface ServedMoment {
  /** Of the database. */
  readonly version: number;
  readonly lists: readonly PublishedList[];
  readonly fileSigner: CertificateFacts;
}

export interface BeliefWatch {
  heard(heard: Heard): void;
  /** An edge ended: what it had not told is lost. */
  lost(): void;
  /** Would it take a file by the certificate of this fingerprint, as far as its behaviour tells? */
  accepts(device: string, signer: string): Acceptance;
  /** Told before anybody is given it. */
  serving(moment: ServedMoment): Promise<void>;
  close(): Promise<void>;
}

export async function startBeliefWatch(node: OpenNode, onEvent: EventSink): Promise<BeliefWatch> {
  const isLost = !existsSync(node.folder.beliefsFile);
  const published = await node.store.listPublished();
  const writer = openBeliefs(node.folder.beliefsFile);
  const watch = new Watch(node, writer, new ListLibrary(node.crypto, published));
  // A folder of an older program, or a file that somebody removed: phones may hold whatever was ever published.
  if (isLost) watch.missed([anyOfOurs]);
  if (writer.stored.unfinished) watch.missed(pairsOf(writer.stored.serving));
  const share = createBeliefShare(node, writer.stored, (message) =>
    onEvent({ type: 'warning', topic: 'beliefs', message }),
  );
  watch.onSaved = share.add;
  const timer = setInterval(() => {
    void share.tell();
    try {
      watch.flush();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      onEvent({ type: 'warning', topic: 'beliefs', message });
      // What was taken from the book is lost for the file.
      watch.lost();
    }
  }, beliefFlushMs);
  return {
    heard: (heard) => watch.heard(heard),
    lost: () => watch.lost(),
    accepts: (device, signer) => watch.accepts(device, signer),
    serving: (moment) => watch.serving(moment),
    async close() {
      clearInterval(timer);
      watch.close();
      await share.tell();
    },
  };
}

interface Interval {
  readonly lists: readonly ServedList[];
  readonly signer: CertificateFacts;
  /** Monotonic milliseconds. */
  untilMs: number;
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
  #savedGap: number;
  #intervals: readonly Interval[] = [];
  onSaved: (heard: HeardBeliefs) => void = () => undefined;
  /** Marker → whose configuration names it, and by which signer. */
  readonly #markers = new Map<string, { readonly device: string; readonly signer: CertificateFacts }>();

  constructor(node: OpenNode, writer: BeliefWriter, library: ListLibrary) {
    this.#node = node;
    this.#writer = writer;
    this.#library = library;
    const { devices, gaps } = writer.stored;
    this.#savedGap = gaps.at(-1)?.number ?? 0;
    this.#book = new BeliefBook(
      this.#sets,
      {
        asksForSigned: (key) => this.#library.asksForSigned(key),
        believes: (key, signer) => this.#library.accepts(key, signer) !== 'reject',
        narrowed: (key, signer) => this.#library.narrowed(key, signer),
        all: () => this.#library.allPairs(),
      },
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

  async serving({ lists, fileSigner }: ServedMoment): Promise<void> {
    const { store, crypto } = this.#node;
    const names = new Set(await store.listDeviceNames());
    this.#book.knowDevices((name) => names.has(name));
    const last = this.#intervals.at(-1);
    const same = last?.lists.map(({ sha256 }) => sha256).join() === lists.map(({ sha256 }) => sha256).join();
    if (same && last?.signer.fingerprint === fileSigner.fingerprint) return;
    const now = performance.now();
    for (const interval of this.#intervals) interval.untilMs = Math.min(interval.untilMs, now);
    this.#intervals = [
      ...this.#intervals.filter(({ untilMs }) => now - untilMs < intervalKeptMs),
      { lists: lists.map(({ kind, sha256 }) => ({ kind, sha256 })), signer: fileSigner, untilMs: Infinity },
    ];
    this.#library = new ListLibrary(crypto, await store.listPublished());
    this.#writer.serving(this.#intervals.slice(-2).flatMap((interval) => interval.lists));
  }

  accepts(device: string, signer: string): Acceptance {
    const belief = this.#book.find(device);
    const now = this.#intervals.at(-1)?.signer;
    if (belief === undefined || now?.fingerprint !== signer) return 'unknown';
    return beliefsAccept(this.#library, this.#sets.pairs(belief.set), now);
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
    const nowMs = this.#node.clock.nowMs();
    const marked = this.#markers.get(base.toLowerCase());
    if (marked !== undefined && signed) {
      if (seen.proved) this.#book.showedBelief(marked.device, seen.address, marked.signer, nowMs);
      return;
    }
    const sinceMs = performance.now() - seen.durationMs - slackMs;
    const during = this.#intervals.filter(({ untilMs }) => untilMs >= sinceMs);
    this.#book.observe(seen, { lists: during.flatMap(({ lists }) => lists) }, nowMs);
    if (seen.kind !== 'delivered' || kind !== 'config' || device === undefined) return;
    for (const { signer } of during) this.#expectMarker(device, signer);
  }

  #expectMarker(device: string, signer: CertificateFacts): void {
    const marker = markerName(this.#node.crypto, device, signer.fingerprint).toLowerCase();
    this.#markers.delete(marker);
    this.#markers.set(marker, { device, signer });
    const [oldest] = this.#markers.keys();
    if (this.#markers.size > believedAddressesMax && oldest !== undefined) this.#markers.delete(oldest);
  }
}

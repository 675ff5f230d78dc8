/**
 * Beliefs while a server runs: what the edge heard goes into the book, the book's changes go to their file every second.
 * The book cannot know which generation a transfer carried, so every one that was served while it ran counts.
 */
import { existsSync } from 'node:fs';
import { beliefFlushMs, beliefsPerTransactionMax, signedHeadersKeptMax } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import { parseFileName } from '../core/files/file-name.ts';
import { anyOfOurs, BeliefSets } from '../core/trust/belief.ts';
import {
  BeliefBook,
  pairsOf,
  type Gap,
  type Observation,
  type ServedList,
} from '../core/trust/belief-book.ts';
import type { StoredBelief } from '../core/trust/belief-store.ts';
import { ListLibrary } from '../core/trust/list-library.ts';
import { markerName } from '../core/trust/marker.ts';
import type { PublishedList } from '../core/cluster/model.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { openBeliefs } from '../store/beliefs.ts';
import type { Heard } from './heard.ts';
import type { OpenNode } from './open-node.ts';

/** What the back serves from one moment on. */
export interface ServedMoment {
  readonly lists: readonly PublishedList[];
  readonly fileSigner: CertificateFacts;
}

export interface BeliefWatch {
  heard(heard: Heard): void;
  /** An edge ended: what it had not told is lost. */
  lost(): void;
  /** Told before anybody is given it. */
  serving(moment: ServedMoment): Promise<void>;
  close(): void;
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

export async function startBeliefWatch(node: OpenNode, onEvent: EventSink): Promise<BeliefWatch> {
  const published = await node.store.listPublished();
  const isLost = !existsSync(node.folder.beliefsFile);
  const writer = openBeliefs(node.folder.beliefsFile);
  let library = new ListLibrary(node.crypto, published);
  const sets = new BeliefSets();
  const { stored } = writer;
  const book = new BeliefBook(
    sets,
    {
      asksForSigned: (key) => library.asksForSigned(key),
      believes: (key, signer) => library.accepts(key, signer) !== 'reject',
      all: () => library.allPairs(),
    },
    stored.devices.map(({ pairs, ...belief }) => ({ ...belief, set: sets.of(pairs) })),
    stored.gaps,
  );
  let savedGap = stored.gaps.at(-1)?.number ?? 0;
  // A folder of an older program, or a file that somebody removed: phones may hold whatever was ever published.
  if (isLost) book.addGap([anyOfOurs], node.clock.nowMs());
  if (stored.unfinished) book.addGap(pairsOf(stored.serving), node.clock.nowMs());
  let intervals: readonly Interval[] = [];
  /** Marker → whose configuration names it, and by which signer. */
  const markers = new Map<string, { readonly device: string; readonly signer: CertificateFacts }>();

  const written = ({ set, ...belief }: ReturnType<BeliefBook['takeChanged']>[number]): StoredBelief => ({
    ...belief,
    pairs: sets.pairs(set),
  });
  const flush = (): void => {
    const gaps: readonly Gap[] = book.gaps.filter(({ number }) => number > savedGap);
    const changed = book.takeChanged(beliefsPerTransactionMax);
    if (gaps.length + changed.length === 0) return;
    writer.save(changed.map(written), gaps);
    savedGap = book.gaps.at(-1)?.number ?? savedGap;
  };
  const timer = setInterval(() => {
    try {
      flush();
    } catch (error) {
      // The book keeps its gaps; what was taken is lost for the file, so every phone may hold what is served.
      const message = error instanceof Error ? error.message : String(error);
      onEvent({ type: 'warning', topic: 'beliefs', message });
      book.addGap(pairsOf(servedNow()), node.clock.nowMs());
    }
  }, beliefFlushMs);
  const servedNow = (): readonly ServedList[] => intervals.at(-1)?.lists ?? stored.serving;

  const expect = (device: string, signer: CertificateFacts): void => {
    const marker = markerName(node.crypto, device, signer.fingerprint).toLowerCase();
    markers.delete(marker);
    markers.set(marker, { device, signer });
    const [oldest] = markers.keys();
    if (markers.size > signedHeadersKeptMax && oldest !== undefined) markers.delete(oldest);
  };

  const hear = (seen: Observation): void => {
    const sinceMs = performance.now() - seen.durationMs - slackMs;
    const during = intervals.filter(({ untilMs }) => untilMs >= sinceMs);
    const nowMs = node.clock.nowMs();
    const name = parseFileName(seen.name);
    if (!name.ok) return;
    const marked = markers.get(name.value.base.toLowerCase());
    if (marked !== undefined && name.value.signed) {
      if (seen.proved) book.showedBelief(marked.device, seen.address, marked.signer, nowMs);
      return;
    }
    book.observe(seen, { lists: during.flatMap(({ lists }) => lists) }, nowMs);
    if (seen.kind === 'delivered' && name.value.kind === 'config' && name.value.device !== undefined)
      for (const { signer } of during) expect(name.value.device, signer);
  };

  return {
    heard({ seen, lostCount }) {
      for (const observation of seen) hear(observation);
      if (lostCount) book.addGap(pairsOf(servedNow()), node.clock.nowMs());
    },
    lost: () => book.addGap(pairsOf(servedNow()), node.clock.nowMs()),
    async serving({ lists, fileSigner }) {
      const names = new Set(await node.store.listDeviceNames());
      book.knowDevices((name) => names.has(name));
      const last = intervals.at(-1);
      const same =
        last?.lists.map(({ sha256 }) => sha256).join() === lists.map(({ sha256 }) => sha256).join();
      if (same && last?.signer.fingerprint === fileSigner.fingerprint) return;
      const now = performance.now();
      for (const interval of intervals) interval.untilMs = Math.min(interval.untilMs, now);
      intervals = [
        ...intervals.filter(({ untilMs }) => now - untilMs < intervalKeptMs),
        { lists, signer: fileSigner, untilMs: Infinity },
      ];
      library = new ListLibrary(node.crypto, await node.store.listPublished());
      writer.serving(
        intervals
          .slice(-2)
          .flatMap((interval) => interval.lists.map(({ kind, sha256 }) => ({ kind, sha256 }))),
      );
    },
    close() {
      clearInterval(timer);
      const homeless = book.unattributed();
      if (homeless.length > 0) book.addGap(pairsOf(homeless), node.clock.nowMs());
      do flush();
      while (book.hasChanged);
      writer.close();
    },
  };
}

/**
 * What the edge tells the back of phones: who asked for what, and what reached them whole. Bundled, and bounded: an edge
 * that hears more than it can tell says that it lost count, which is the safe thing to say.
 */
import type { Event, EventSink } from '../base/events.ts';
import { heardFlushMs, heardPerMessageMax, heardWaitingMax } from '../base/limits.ts';
import { parseFileName, type FileNameKind } from '../core/files/file-name.ts';
import type { Observation } from '../core/trust/belief-book.ts';

export interface Heard {
  readonly seen: readonly Observation[];
  /** Something was heard that is not told. */
  readonly lostCount: boolean;
}

export interface HeardBundler {
  readonly sink: EventSink;
  /** Tells what waits, and no more after that. */
  close(): void;
}

export function createHeardBundler(
  tell: (heard: Heard) => void,
  options: { readonly singlePort: boolean },
): HeardBundler {
  let waiting: Observation[] = [];
  let lostCount = false;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    const seen = waiting;
    waiting = [];
    for (let at = 0; at < seen.length || lostCount; at += heardPerMessageMax) {
      tell({ seen: seen.slice(at, at + heardPerMessageMax), lostCount });
      lostCount = false;
    }
  };
  return {
    sink(event) {
      const observation = observationOf(event, options.singlePort);
      if (observation === undefined) return;
      if (waiting.length < heardWaitingMax) waiting.push(observation);
      else lostCount = true;
      timer ??= setTimeout(flush, heardFlushMs);
    },
    close() {
      clearTimeout(timer);
      flush();
    },
  };
}

/** `undefined` for what says nothing of a phone's lists. */
function observationOf(event: Event, singlePort: boolean): Observation | undefined {
  if (event.type !== 'file-served' && event.type !== 'file-not-served') return undefined;
  const { name, address, transport } = event;
  const parsed = parseFileName(name);
  if (!parsed.ok || !(telling.has(parsed.value.kind) || isMarker(parsed.value.base))) return undefined;
  const whole = event.type === 'file-served' && event.part !== true;
  return {
    kind: whole ? 'delivered' : 'asked',
    name,
    address,
    transport,
    // A refusal answers whoever wrote the source address; a whole file needed its acknowledgements.
    proved: transport !== 'tftp' || (whole && !singlePort),
    durationMs: event.type === 'file-served' ? event.durationMs : 0,
  };
}

const telling: ReadonlySet<FileNameKind> = new Set<FileNameKind>([
  'config',
  'encrypted-config',
  'device-ctl',
  'device-itl',
  'cluster-ctl',
  'cluster-itl',
]);

/** The file that only a believed configuration names (core/trust/marker.ts). */
function isMarker(name: string): boolean {
  return /^FP[0-9a-f-]{36}\.xml$/i.test(name);
}

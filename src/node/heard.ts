/**
 * What the edge tells the back of phones: who asked for what, and what reached them whole. Bundled, and bounded: an edge
 * that hears more than it can tell says that it lost count, which is the safe thing to say.
 */
import type { Event, EventSink } from '../base/events.ts';
import { heardFlushMs, heardPerMessageMax, heardWaitingMax } from '../base/limits.ts';
import type { Observation } from '../core/trust/belief-book.ts';
import { isTelling } from '../core/trust/telling.ts';

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

export function createHeardBundler(tell: (heard: Heard) => void): HeardBundler {
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
      const observation = observationOf(event);
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
function observationOf(event: Event): Observation | undefined {
  if (event.type === 'transfer-ended') return cutOff(event);
  if (event.type !== 'file-served' && event.type !== 'file-not-served') return undefined;
  const { name, address, transport } = event;
  if (!isTelling(name)) return undefined;
  const whole = event.type === 'file-served' && event.part !== true;
  const ownPort = event.type === 'file-served' && event.ownPort === true;
  return {
    kind: whole ? 'delivered' : 'asked',
    name,
    address,
    transport,
    // A refusal answers whoever wrote the source address; a whole file needed its acknowledgements, and only at a port
    // of its own they came from somebody who received it.
    proved: transport !== 'tftp' || (whole && ownPort),
    durationMs: event.type === 'file-served' ? event.durationMs : 0,
  };
}

/** Whoever has everything but lost its last ACK has the file: to hold it possible is the safe side. */
function cutOff({ name, address, allSent }: Event & { type: 'transfer-ended' }): Observation | undefined {
  if (!isTelling(name)) return undefined;
  const kind = allSent === true ? 'delivered' : 'asked';
  return { kind, name, address, transport: 'tftp', proved: false, durationMs: transferAgeMaxMs };
}

/** How long ago it began is not told. */
const transferAgeMaxMs = 600_000;

/**
 * Tells a guesser from a branch office: an address that asks for many distinct names which nobody has
 * (security.md §1, "Enumeration guard").
 *
 * - CTLSEP and ITLSEP misses are what every phone does at every boot: never counted.
 * - A name counts once, whatever signature suffix it was asked with (`.enc.sgn` → `.sgn` → plain is one guess).
 * - Every distinct file that the address was served buys one unknown name more: a thousand phones behind one
 *   address stay under the line, a guesser who hits little does not.
 * - Counted per minute in two bitmaps per address (linear counting), oldest addresses forgotten first:
 *   memory does not grow with what strangers send.
 */
import { guardedAddressesMax } from '../../base/limits.ts';
import { Recent } from './recent.ts';

const bitmapBits = 2048;
const minuteMs = 60_000;

interface Watched {
  sinceMs: number;
  readonly unknown: Uint32Array;
  readonly served: Uint32Array;
  unknownBits: number;
  servedBits: number;
  told: boolean;
}

export type GuardVerdict =
  | { readonly kind: 'fine' }
  /** The answer is to be delayed; `firstTime` in this minute: worth an event. */
  | { readonly kind: 'guessing'; readonly distinctNames: number; readonly firstTime: boolean };

const fine: GuardVerdict = { kind: 'fine' };

export class EnumerationGuard {
  readonly #unknownMax: number;
  readonly #watched = new Recent<Watched>(guardedAddressesMax);

  /** `unknownPerMinuteMax` distinct unknown names beyond those served are still normal. */
  constructor(unknownPerMinuteMax: number) {
    this.#unknownMax = unknownPerMinuteMax;
  }

  served(address: string, name: string, nowMs: number): void {
    const watched = this.#watch(address, nowMs);
    watched.servedBits += mark(watched.served, stemOf(name));
  }

  unknown(address: string, name: string, nowMs: number): GuardVerdict {
    const stem = stemOf(name);
    if (isBootNoise(stem)) return fine;
    const watched = this.#watch(address, nowMs);
    watched.unknownBits += mark(watched.unknown, stem);
    const distinct = estimate(watched.unknownBits);
    if (distinct <= this.#unknownMax + estimate(watched.servedBits)) return fine;
    const firstTime = !watched.told;
    watched.told = true;
    return { kind: 'guessing', distinctNames: Math.round(distinct), firstTime };
  }

  #watch(address: string, nowMs: number): Watched {
    const known = this.#watched.get(address);
    if (known && nowMs - known.sinceMs < minuteMs) return known;
    const fresh: Watched = {
      sinceMs: nowMs,
      unknown: new Uint32Array(bitmapBits / 32),
      served: new Uint32Array(bitmapBits / 32),
      unknownBits: 0,
      servedBits: 0,
      told: false,
    };
    this.#watched.set(address, fresh);
    return fresh;
  }
}

/** The two misses of every boot (domain.md §3); log views keep them quiet as well. */
export function isBootNoise(name: string): boolean {
  return /^(ctl|itl)sep[0-9a-f]{12}\.tlv$/i.test(name);
}

function stemOf(name: string): string {
  return name.toLowerCase().replace(/(\.enc)?\.sgn$/, '');
}

/** 1 if the bit of `text` was not set yet. FNV-1a. */
function mark(bitmap: Uint32Array, text: string): 0 | 1 {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  const bit = (hash >>> 0) % bitmapBits;
  const mask = 1 << (bit & 31);
  const word = bitmap[bit >>> 5] ?? 0;
  if ((word & mask) !== 0) return 0;
  bitmap[bit >>> 5] = word | mask;
  return 1;
}

/** Linear counting: how many distinct texts set this many bits. */
function estimate(bits: number): number {
  return -bitmapBits * Math.log(1 - Math.min(bits, bitmapBits - 1) / bitmapBits);
}

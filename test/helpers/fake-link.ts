/**
 * A link in virtual time between two machines: every packet is delivered, lost, doubled or late, as the
 * seed decides. Packets are what the caller hands over; nothing is encoded here.
 */
import type { Random } from './prng.ts';

export interface LinkFaults {
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** One-way delay, ms; a reordered packet takes two to five of these more. */
  readonly delayMs: number;
}

/** A path without faults. */
export const clean: LinkFaults = { loss: 0, duplication: 0, reordering: 0, delayMs: 4 };

interface InFlight<P> {
  readonly atMs: number;
  readonly order: number;
  readonly packet: P;
}

export class FakeLink<P> {
  nowMs = 0;
  carried = 0;
  readonly #random: Random;
  readonly #faults: LinkFaults;
  /** Binary heap by time, then by order of sending. */
  readonly #heap: InFlight<P>[] = [];
  #order = 0;

  constructor(random: Random, faults: LinkFaults) {
    this.#random = random;
    this.#faults = faults;
  }

  get idle(): boolean {
    return this.#heap.length === 0;
  }

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  send(packet: P): void {
    this.carried++;
    const { loss, duplication, delayMs } = this.#faults;
    if (loss > 0 && this.#random() < loss) return;
    this.#push(packet, delayMs);
    if (duplication > 0 && this.#random() < duplication) this.#push(packet, delayMs);
  }

  /** Takes the next packet and moves the time to it. */
  next(): P | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (!top || !last) return undefined;
    if (top !== last) this.#sink(last);
    this.nowMs = Math.max(this.nowMs, top.atMs);
    return top.packet;
  }

  #push(packet: P, delayMs: number): void {
    const late = this.#faults.reordering > 0 && this.#random() < this.#faults.reordering;
    const atMs = this.nowMs + delayMs + (late ? delayMs * (2 + this.#random() * 3) : 0);
    const item = { atMs, order: this.#order++, packet };
    let at = this.#heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent];
      if (!above || !before(item, above)) break;
      this.#heap[at] = above;
      at = parent;
    }
    this.#heap[at] = item;
  }

  #sink(item: InFlight<P>): void {
    const size = this.#heap.length;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      let below = this.#heap[child];
      if (!below) break;
      const right = child + 1 < size ? this.#heap[child + 1] : undefined;
      if (right && before(right, below)) {
        child++;
        below = right;
      }
      if (!before(below, item)) break;
      this.#heap[at] = below;
      at = child;
    }
    this.#heap[at] = item;
  }
}

function before<P>(a: InFlight<P>, b: InFlight<P>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

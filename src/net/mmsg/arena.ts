/**
 * Memory that the kernel reads and writes: one ArrayBuffer, seen through typed arrays and by address.
 * Its backing store lies outside the JS heap, never moves, is bounded by its size, takes pages only when
 * touched and is released with the last reference: no address outlives it, nothing is freed by hand.
 * Chunks for packet images are handed out by a buddy allocator, so a full arena is an answer, not an error.
 */
import { assert } from '../../base/assert.ts';
import { addressOf } from './libc.ts';

/** Fixed records laid out once at start-up; every write is 32 bits or less (BigInt would allocate). */
export class Arena {
  readonly buffer: ArrayBuffer;
  readonly address: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  #used = 0;

  constructor(sizeBytes: number) {
    this.buffer = new ArrayBuffer(sizeBytes);
    this.address = addressOf(this.buffer);
    assert(this.address % 8 === 0, 'an arena that is not aligned for C structures');
    this.u8 = new Uint8Array(this.buffer);
    this.u16 = new Uint16Array(this.buffer);
    this.u32 = new Uint32Array(this.buffer);
  }

  /** Offset of `sizeBytes` zero bytes, aligned to 64 (a cache line). */
  reserve(sizeBytes: number): number {
    const offset = this.#used;
    this.#used = offset + Math.ceil(sizeBytes / 64) * 64;
    assert(this.#used <= this.buffer.byteLength, 'an arena smaller than its layout');
    return offset;
  }

  /** Writes the 64-bit `address` at the 8-byte aligned `offset`, and the same for any count below 2^53. */
  writeWord(offset: number, value: number): void {
    this.u32[offset >>> 2] = value >>> 0;
    this.u32[(offset >>> 2) + 1] = Math.floor(value / 0x1_0000_0000);
  }
}

/** The smallest chunk that is handed out. */
export const chunkBytesMin = 4096;

/**
 * Buddy allocator over `sizeBytes` (a power of two ≥ chunkBytesMin) of offsets; it touches no memory itself.
 * A chunk is a power of two between chunkBytesMin and the whole.
 */
export class BuddyAllocator {
  readonly #orders: number;
  readonly #free: Set<number>[];
  /** Order of the chunk that starts at each unit while it is handed out, 255 otherwise. */
  readonly #orderAt: Uint8Array;
  #usedBytes = 0;

  constructor(sizeBytes: number) {
    const units = sizeBytes / chunkBytesMin;
    this.#orders = Math.log2(units);
    assert(units >= 1 && Number.isInteger(this.#orders), 'a buddy allocator needs a power of two');
    this.#free = Array.from({ length: this.#orders + 1 }, () => new Set<number>());
    this.#free[this.#orders]?.add(0);
    this.#orderAt = new Uint8Array(units).fill(255);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Offset of a chunk of at least `sizeBytes`, or undefined when none is free. */
  take(sizeBytes: number): number | undefined {
    const order = orderFor(sizeBytes);
    let from = order;
    while (from <= this.#orders && this.#setOf(from).size === 0) from++;
    if (from > this.#orders) return undefined;
    const [unit] = this.#setOf(from);
    assert(unit !== undefined, 'a free list that is not empty has a first chunk');
    this.#setOf(from).delete(unit);
    for (let split = from - 1; split >= order; split--) this.#setOf(split).add(unit + (1 << split));
    this.#orderAt[unit] = order;
    this.#usedBytes += chunkBytesMin << order;
    return unit * chunkBytesMin;
  }

  /** Takes back what `take` gave; asserts on anything else. */
  give(offset: number): void {
    let unit = offset / chunkBytesMin;
    let order = this.#orderAt[unit] ?? 255;
    assert(order !== 255, 'a chunk that was not handed out');
    this.#orderAt[unit] = 255;
    this.#usedBytes -= chunkBytesMin << order;
    while (order < this.#orders && this.#setOf(order).delete(unit ^ (1 << order))) {
      unit &= ~(1 << order);
      order++;
    }
    this.#setOf(order).add(unit);
  }

  #setOf(order: number): Set<number> {
    const set = this.#free[order];
    assert(set !== undefined, 'an order above the whole');
    return set;
  }
}

/** Order of the smallest chunk that holds `sizeBytes`. */
function orderFor(sizeBytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(sizeBytes / chunkBytesMin)));
}

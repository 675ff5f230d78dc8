/**
 * Who owns which transfer: local address + peer address + peer port → a slot number (security.md §1),
 * found by integers alone. A slot's record is what a reply needs: the peer's sockaddr and control messages.
 * Slots are bounded; one that is given back is reused only after `settle`, because packets that are queued
 * for sending still point to its record.
 *
 * Record of `recordBytes`: 0 sockaddr (32) · 32 local address (16) · 48 socket (4) · 64 control messages (64).
 */
import { assert } from '../../base/assert.ts';
import type { Arena } from './arena.ts';
import { AF_INET } from './libc.ts';

export const recordBytes = 128;
export const recordLocal = 32;
export const recordSocket = 48;
export const recordControl = 64;

const bucketCount = 32_768;

export class PeerTable {
  readonly #arena: Arena;
  readonly #records: number;
  readonly #slotsMax: number;
  /** Slot + 1 of the first in each bucket, 0: none; chained through `#next`. */
  readonly #heads = new Int32Array(bucketCount);
  readonly #next: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #taken: Uint8Array;
  readonly #settling: number[] = [];
  /** Nobody outside can aim at one bucket. */
  readonly #seed = (crypto.getRandomValues(new Int32Array(1))[0] ?? 0) | 1;

  constructor(arena: Arena, slotsMax: number) {
    this.#arena = arena;
    this.#slotsMax = slotsMax;
    this.#records = arena.reserve(slotsMax * recordBytes);
    this.#next = new Int32Array(slotsMax);
    this.#taken = new Uint8Array(slotsMax);
    this.#free = Int32Array.from({ length: slotsMax }, (_, i) => slotsMax - 1 - i);
    this.#freeCount = slotsMax;
  }

  static bytesFor(slotsMax: number): number {
    return slotsMax * recordBytes;
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === 1;
  }

  /** Slots that are taken or settling. */
  get size(): number {
    return this.#slotsMax - this.#freeCount;
  }

  /** Offset of a slot's record in the arena. */
  record(slot: number): number {
    return this.#records + slot * recordBytes;
  }

  /** The slot whose peer is the one in the record at `offset`, or -1. */
  find(offset: number): number {
    const { u32 } = this.#arena;
    const wanted = offset >>> 2;
    for (let link = this.#heads[this.#bucket(wanted)] ?? 0; link !== 0; link = this.#next[link - 1] ?? 0)
      if (equalPeers(u32, (this.#records + (link - 1) * recordBytes) >>> 2, wanted)) return link - 1;
    return -1;
  }

  /** A slot for the peer in the record at `offset`, which has none yet; -1 when all are taken. */
  take(offset: number): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[--this.#freeCount] ?? -1;
    const { u8 } = this.#arena;
    u8.copyWithin(this.record(slot), offset, offset + recordBytes);
    const bucket = this.#bucket(offset >>> 2);
    this.#next[slot] = this.#heads[bucket] ?? 0;
    this.#heads[bucket] = slot + 1;
    this.#taken[slot] = 1;
    return slot;
  }

  /** The slot can no longer be found; its record stays until `settle`. */
  give(slot: number): void {
    assert(this.isTaken(slot), 'a slot that nobody has');
    this.#taken[slot] = 0;
    const bucket = this.#bucket(this.record(slot) >>> 2);
    let link = this.#heads[bucket] ?? 0;
    if (link === slot + 1) this.#heads[bucket] = this.#next[slot] ?? 0;
    else {
      while (link !== 0 && this.#next[link - 1] !== slot + 1) link = this.#next[link - 1] ?? 0;
      assert(link !== 0, 'a slot that is not in the table');
      this.#next[link - 1] = this.#next[slot] ?? 0;
    }
    this.#settling.push(slot);
  }

  /** Nothing queued points to a record any more. */
  settle(): void {
    for (const slot of this.#settling) this.#free[this.#freeCount++] = slot;
    this.#settling.length = 0;
  }

  #bucket(word: number): number {
    const { u32 } = this.#arena;
    let hash = this.#seed;
    hash = Math.imul(hash ^ (u32[word] ?? 0), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (u32[word + 1] ?? 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ (u32[word + 4] ?? 0), 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (u32[word + 5] ?? 0), 0x27d4eb2f);
    return (hash ^ (hash >>> 15)) & (bucketCount - 1);
  }
}

/** Family and port, address, then for IPv6 the rest of it and its scope; the local address and the socket. */
function equalPeers(u32: Uint32Array, a: number, b: number): boolean {
  if (u32[a] !== u32[b] || u32[a + 1] !== u32[b + 1]) return false;
  if (u32[a + 8] !== u32[b + 8] || u32[a + 12] !== u32[b + 12]) return false;
  if (((u32[a] ?? 0) & 0xffff) === AF_INET) return true;
  for (const i of [2, 3, 4, 5, 6, 9, 10, 11]) if (u32[a + i] !== u32[b + i]) return false;
  return true;
}

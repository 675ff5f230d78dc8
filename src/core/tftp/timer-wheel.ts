/**
 * Timers of many transfers in one wheel: scheduling is O(1), and moving a deadline later costs nothing,
 * because an entry stays in its slot and is looked at again when the slot comes round.
 * Never fires early; fires at most one tick late. Time comes in as an argument.
 */
import { assert } from '../../base/assert.ts';

const slotCount = 1024;

/** What a timer's owner holds; linked into one slot while it is scheduled. */
export class WheelEntry<T> {
  readonly owner: T;
  dueMs = 0;
  /** Tick at which the slot holding this entry is looked at; -1: not scheduled. */
  tick = -1;
  next: WheelEntry<T> | undefined;
  previous: WheelEntry<T> | undefined;

  constructor(owner: T) {
    this.owner = owner;
  }
}

export class TimerWheel<T> {
  readonly #tickMs: number;
  readonly #slots: (WheelEntry<T> | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  #tick: number;
  #size = 0;

  constructor(tickMs: number, nowMs: number) {
    assert(tickMs > 0, 'a tick has a length');
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  get size(): number {
    return this.#size;
  }

  schedule(entry: WheelEntry<T>, dueMs: number): void {
    entry.dueMs = dueMs;
    const wanted = Math.ceil(dueMs / this.#tickMs);
    if (entry.tick !== -1 && entry.tick <= wanted) return;
    this.cancel(entry);
    this.#link(entry, wanted);
  }

  cancel(entry: WheelEntry<T>): void {
    if (entry.tick === -1) return;
    if (entry.previous) entry.previous.next = entry.next;
    else this.#slots[entry.tick % slotCount] = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    entry.next = undefined;
    entry.previous = undefined;
    entry.tick = -1;
    this.#size--;
  }

  /** Calls `fire` for every entry that is due; `fire` may schedule it, or any other, again. */
  advance(nowMs: number, fire: (owner: T) => void): void {
    const target = Math.floor(nowMs / this.#tickMs);
    // After a long sleep one round sees every slot.
    if (target - this.#tick > slotCount) this.#tick = target - slotCount;
    while (this.#tick < target) {
      this.#tick++;
      this.#visit(nowMs, fire);
    }
  }

  #visit(nowMs: number, fire: (owner: T) => void): void {
    let entry = this.#slots[this.#tick % slotCount];
    const due: WheelEntry<T>[] = [];
    while (entry) {
      if (entry.tick <= this.#tick) due.push(entry);
      entry = entry.next;
    }
    for (const one of due) {
      if (one.tick === -1 || one.tick > this.#tick) continue; // cancelled or moved by an earlier one
      const { dueMs } = one;
      this.cancel(one);
      if (dueMs <= nowMs) fire(one.owner);
      else this.#link(one, Math.ceil(dueMs / this.#tickMs));
    }
  }

  #link(entry: WheelEntry<T>, wanted: number): void {
    entry.tick = Math.max(wanted, this.#tick + 1);
    const slot = entry.tick % slotCount;
    const head = this.#slots[slot];
    entry.next = head;
    if (head) head.previous = entry;
    this.#slots[slot] = entry;
    this.#size++;
  }
}

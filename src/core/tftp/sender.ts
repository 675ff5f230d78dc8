/**
 * The sending half of a read (RFC 1350, 2347, 7440; RFC 1123 §4.2.3.1), for one file of known size.
 *
 * - Blocks are counted from 1 without rollover inside; on the wire a number is the count modulo 65536.
 * - An ACK inside what was sent moves on: the next window starts behind it (RFC 7440 §4). An ACK short of the end
 *   resends the rest of its window, so that happens at most twice per round trip, or a forged train of ACKs, one
 *   block apart, would release a window each.
 * - Window 1: a repeated ACK causes no DATA (Sorcerer's Apprentice, RFC 1123 §4.2.3.1).
 * - Window > 1: a repeat of the last ACK resends the window, at most once per round trip (RFC 7440 §4).
 * - Any other ACK is old or foreign and changes nothing.
 * - Until the first ACK at most dataBeforeFirstAckMax first blocks or oackBeforeFirstAckMax OACKs leave per
 *   request received: a forged request is worth no more. A repeated request renews that and starts over.
 * - The file is done when its last block, shorter than blksize and perhaps empty, is acknowledged.
 *
 * Effects name blocks; whoever owns the socket fetches the bytes (`block`). A packet engine may copy
 * `first`/`count` into its own tables, but asks this machine for every ACK and every expiry: the rules
 * above live nowhere else. Not used after `done` or `failed`.
 */
import { dataBeforeFirstAckMax, oackBeforeFirstAckMax, windowRepeatMinMs } from '../../base/limits.ts';
import type { Negotiation } from './negotiate.ts';
import { RetryClock } from './retry.ts';

export type SenderEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'oack' }
  /** Send blocks `first` to `first + count - 1`, counted without rollover. */
  | { readonly kind: 'data'; readonly first: number; readonly count: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed' };

const none: SenderEffect = { kind: 'none' };
const oack: SenderEffect = { kind: 'oack' };
const done: SenderEffect = { kind: 'done' };
const failed: SenderEffect = { kind: 'failed' };

/** Where a block's bytes are: `length` bytes of the file at `offset`, sent as number `block`. */
export interface BlockSpan {
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

export class Sender {
  readonly sizeBytes: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** Number of blocks, the short or empty last one included. */
  readonly blocks: number;
  /** When `expire` wants to be called; it may be called later, never needs to be called earlier. */
  deadlineMs = 0;
  retransmits = 0;
  /** An ACK has come: the peer exists. */
  acknowledged = false;

  readonly #clock: RetryClock;
  readonly #startsWithOack: boolean;
  #awaitsOackAck: boolean;
  #acked = 0;
  #sent = 0;
  /** Highest block ever sent: a client that is further than a restart believes may say so. */
  #highest = 0;
  #firstSendsLeft: number;
  #opened = false;
  #windowSentMs = 0;
  /** When an ACK last fell short of the end of its window. */
  #cutShortMs = -Infinity;
  /** The lowest block of the last window that was sent only once, and when; 0: nothing to measure. */
  #timedBlock = 0;
  #timedMs = 0;

  constructor(sizeBytes: number, agreed: Negotiation, nowMs: number) {
    this.sizeBytes = sizeBytes;
    this.blksize = agreed.blksize;
    this.windowsize = agreed.windowsize;
    this.blocks = Math.floor(sizeBytes / agreed.blksize) + 1;
    this.#startsWithOack = agreed.answer.length > 0;
    this.#awaitsOackAck = this.#startsWithOack;
    this.#firstSendsLeft = this.#firstSendsMax;
    this.#clock = new RetryClock(nowMs, agreed.timeoutMs);
  }

  /** The block `index` (from 1, no rollover) on the wire and in the file. */
  block(index: number): BlockSpan {
    const offset = (index - 1) * this.blksize;
    return { block: index & 0xffff, offset, length: Math.min(this.blksize, this.sizeBytes - offset) };
  }

  /** When the transfer ends if nothing more happens. */
  get givesUpMs(): number {
    return this.#clock.givesUpMs;
  }

  /** The last block is out and only its ACK is missing. */
  get awaitsLastAck(): boolean {
    return this.#sent === this.blocks && !this.#awaitsOackAck;
  }

  /** Called once, when the request was decided. */
  start(nowMs: number): SenderEffect {
    return this.#sendFirst(nowMs);
  }

  /** The same request came again: its first packet again, nothing else (security.md §1). */
  restart(nowMs: number): SenderEffect {
    // Above 65535 a number no longer says which block a continuing client means: then only what is in flight counts.
    this.#highest = this.#highest > 0xffff ? 0 : this.#highest;
    this.#acked = 0;
    this.#sent = 0;
    this.#awaitsOackAck = this.#startsWithOack;
    this.#firstSendsLeft = this.#firstSendsMax;
    this.acknowledged = false;
    this.#clock.progressed(nowMs);
    return this.#sendFirst(nowMs);
  }

  ack(block: number, nowMs: number): SenderEffect {
    if (this.#awaitsOackAck) {
      if (block === 0) return this.#oackAcknowledged(nowMs);
      if (block > this.#highest) return none;
      this.#awaitsOackAck = false; // a stray repeat of the request; the client was further
    }
    const ahead = (block - this.#acked) & 0xffff;
    if (ahead === 0) return this.#repeatedAck(nowMs);
    if (ahead > Math.max(this.#highest, this.#sent) - this.#acked) return none;
    this.#acked += ahead;
    if (this.#timedBlock > 0 && this.#acked >= this.#timedBlock) this.#clock.measured(nowMs - this.#timedMs);
    this.acknowledged = true;
    this.#clock.progressed(nowMs);
    if (this.#acked === this.blocks) return done;
    if (this.#acked < this.#sent) {
      if (nowMs - this.#cutShortMs < this.#roundTripMs / 2) return none; // the window sent then is on its way
      this.#cutShortMs = nowMs;
    }
    return this.#sendWindow(nowMs);
  }

  /** Called at or after `deadlineMs`. */
  expire(nowMs: number): SenderEffect {
    if (nowMs < this.deadlineMs) return none;
    if (nowMs >= this.#clock.givesUpMs) return failed;
    this.#clock.expired();
    if (!this.acknowledged) return this.#sendFirst(nowMs);
    this.retransmits++;
    return this.#sendWindow(nowMs);
  }

  get #firstSendsMax(): number {
    return this.#startsWithOack ? oackBeforeFirstAckMax : dataBeforeFirstAckMax;
  }

  /** OACK or DATA 1, as often as allowed; afterwards the transfer waits for the client to speak. */
  #sendFirst(nowMs: number): SenderEffect {
    if (this.#firstSendsLeft === 0) {
      this.deadlineMs = this.#clock.givesUpMs;
      return none;
    }
    this.#firstSendsLeft--;
    const again = this.#opened;
    if (again) this.retransmits++;
    this.#opened = true;
    if (!this.#awaitsOackAck) return this.#sendWindow(nowMs);
    this.#timedMs = nowMs;
    this.#timedBlock = again ? 0 : 1; // Karn
    this.#arm(nowMs);
    return oack;
  }

  #oackAcknowledged(nowMs: number): SenderEffect {
    this.#awaitsOackAck = false;
    if (this.#timedBlock > 0) this.#clock.measured(nowMs - this.#timedMs);
    this.acknowledged = true;
    this.#clock.progressed(nowMs);
    return this.#sendWindow(nowMs);
  }

  /** What counts as one for resending windows. */
  get #roundTripMs(): number {
    return Math.max(this.#clock.srttMs || this.#clock.rtoMs, windowRepeatMinMs);
  }

  #repeatedAck(nowMs: number): SenderEffect {
    if (this.windowsize === 1) return none; // RFC 1123 §4.2.3.1
    if (nowMs - this.#windowSentMs < this.#roundTripMs) return none; // RFC 7440 §4
    this.retransmits++;
    return this.#sendWindow(nowMs);
  }

  /** From behind the last acknowledged block; only a block that was never sent before is measured (Karn). */
  #sendWindow(nowMs: number): SenderEffect {
    const first = this.#acked + 1;
    const count = Math.min(this.windowsize, this.blocks - this.#acked);
    const last = this.#acked + count;
    const fresh = Math.max(first, this.#highest + 1);
    this.#timedBlock = fresh <= last ? fresh : 0;
    this.#timedMs = nowMs;
    this.#sent = last;
    if (last > this.#highest) this.#highest = last;
    this.#windowSentMs = nowMs;
    this.#arm(nowMs);
    return { kind: 'data', first, count };
  }

  #arm(nowMs: number): void {
    this.deadlineMs = Math.min(nowMs + this.#clock.rtoMs, this.#clock.givesUpMs);
  }
}

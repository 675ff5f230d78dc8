/**
 * The client's half of a read (RFC 1350, 2347, 2348, 2349, 7440): asks, checks the answer, orders the blocks,
 * acknowledges. Knows no TID: whoever owns the socket hands over the locked peer's packets only and answers
 * strangers itself (RFC 1350 §4; net/tftp-client.ts).
 *
 * - An OACK may hold only what was asked, never more than was asked (RFC 2347, 2348, 7440 §3); else ERROR 8.
 * - No OACK: blksize 512, window 1, whatever was asked.
 * - Blocks of the current window are taken in any order; each is stored once.
 * - An ACK leaves when a window is complete or the file is; at a gap once, when two later blocks or the end of
 *   the window show it; when acknowledged blocks come again (the ACK was lost); and at a time-out.
 * - A DATA longer than blksize, a file longer than its tsize or than the caller's limit: ERROR, end.
 * - With all blocks in, the receiver dallies: it repeats the last ACK while the sender may still ask for it.
 */
import { blksizeDefault, blksizeMin, dallyMsMax } from '../../base/limits.ts';
import { optionName, optionNumber, type TftpOption } from '../../wire/tftp-option.ts';
import { tftpErrors, type TftpError } from './error-text.ts';
import { RetryClock } from './retry.ts';

export interface Wanted {
  /** Options of the RRQ; `undefined` leaves one out. */
  readonly blksize: number | undefined;
  readonly windowsize: number | undefined;
  /** Ask for the size; it is then checked at the end. */
  readonly tsize: boolean;
  /** More is refused as soon as it is announced or comes. */
  readonly sizeBytesMax: number;
}

export type ReceiverFailure =
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'peer'; readonly code: number; readonly text: string }
  | { readonly kind: 'protocol'; readonly reason: string }
  | { readonly kind: 'too-large' };

export type ReceiverEffect =
  | { readonly kind: 'none' }
  /** Send the RRQ (again), to the port it went to first. */
  | { readonly kind: 'request' }
  | { readonly kind: 'ack'; readonly block: number }
  /** Put the block's data at `offset`, then acknowledge `ack` if it is not -1. */
  | { readonly kind: 'store'; readonly offset: number; readonly ack: number }
  /** `error` goes to the peer first; `undefined`: nothing is said. */
  | { readonly kind: 'failed'; readonly failure: ReceiverFailure; readonly error: TftpError | undefined }
  /** Dallying is over. */
  | { readonly kind: 'closed' };

const none: ReceiverEffect = { kind: 'none' };
const request: ReceiverEffect = { kind: 'request' };
const closed: ReceiverEffect = { kind: 'closed' };

export class Receiver {
  /** Agreed, or RFC 1350's until an OACK came. */
  blksize = blksizeDefault;
  windowsize = 1;
  /** Announced by the peer. */
  tsize: number | undefined;
  /** All bytes are stored; only dallying is left. */
  complete = false;
  sizeBytes = 0;
  /** When `expire` wants to be called. */
  deadlineMs = 0;

  readonly #wanted: Wanted;
  readonly #clock: RetryClock;
  #phase: 'requested' | 'receiving' | 'dallying' | 'over' = 'requested';
  /** Next block in order, counted from 1 without rollover. */
  #expected = 1;
  #ackedBlock = 0;
  /** Blocks came that `#ackedBlock` had acknowledged. */
  #senderBehind = false;
  /** Number of the short block; 0 while unknown. */
  #lastBlock = 0;
  #gapToldFor = 0;
  /** Blocks beyond `#expected` that are stored, at block modulo windowsize. */
  #stored = new Uint8Array(1);
  #beyond = 0;
  #askedMs = 0;
  /** What was asked for was asked once and has not come yet: its round trip may be measured. */
  #askedOnce = true;

  constructor(wanted: Wanted, nowMs: number) {
    this.#wanted = wanted;
    this.#clock = new RetryClock(nowMs);
  }

  /** The options of the RRQ. */
  options(): TftpOption[] {
    const { blksize, windowsize, tsize } = this.#wanted;
    const options: TftpOption[] = [];
    if (blksize !== undefined) options.push({ name: 'blksize', value: String(blksize) });
    if (windowsize !== undefined) options.push({ name: 'windowsize', value: String(windowsize) });
    if (tsize) options.push({ name: 'tsize', value: '0' });
    return options;
  }

  start(nowMs: number): ReceiverEffect {
    this.#asked(nowMs, true);
    return request;
  }

  oack(options: readonly TftpOption[], nowMs: number): ReceiverEffect {
    if (this.#phase === 'receiving' && this.#expected === 1 && this.#beyond === 0)
      return this.#ack(0, nowMs, false);
    if (this.#phase !== 'requested') return none;
    const problem = this.#agree(options);
    if (problem) return this.#fail({ kind: 'protocol', reason: problem }, tftpErrors.optionRefused);
    if ((this.tsize ?? 0) > this.#wanted.sizeBytesMax)
      return this.#fail({ kind: 'too-large' }, tftpErrors.tooLarge);
    this.#stored = new Uint8Array(this.windowsize);
    this.#phase = 'receiving';
    this.#progressed(nowMs);
    return this.#ack(0, nowMs, true);
  }

  /** A DATA packet with number `block` (16 bits) and `length` bytes. */
  data(block: number, length: number, nowMs: number): ReceiverEffect {
    if (this.#phase === 'over') return none;
    if (length > this.blksize && this.#phase !== 'dallying')
      return this.#fail({ kind: 'protocol', reason: `DATA of ${length} bytes` }, tftpErrors.illegal);
    const ahead = (block - this.#expected) & 0xffff;
    if (ahead >= this.windowsize) return this.#oldBlock(ahead, nowMs);
    if (this.#phase === 'dallying') return none;
    this.#phase = 'receiving'; // RFC 2347: DATA 1 instead of an OACK declines all options
    const index = this.#expected + ahead;
    const slot = index % this.windowsize;
    if (this.#stored[slot] === 1 || (this.#lastBlock > 0 && index > this.#lastBlock)) return none;
    const offset = (index - 1) * this.blksize;
    const end = offset + length;
    if (end > this.#wanted.sizeBytesMax) return this.#fail({ kind: 'too-large' }, tftpErrors.tooLarge);
    if (this.tsize !== undefined && end > this.tsize)
      return this.#fail({ kind: 'protocol', reason: 'longer than its tsize' }, tftpErrors.illegal);
    if (length < this.blksize) {
      if (this.#lastBlock > 0)
        return this.#fail({ kind: 'protocol', reason: 'two last blocks' }, tftpErrors.illegal);
      this.#lastBlock = index;
      this.sizeBytes = end;
    }
    this.#stored[slot] = 1;
    this.#progressed(nowMs);
    return ahead === 0 ? this.#inOrder(offset, nowMs) : this.#beyondGap(index, offset, nowMs);
  }

  /** An ERROR of the peer, or of the server's port before a TID was locked. */
  peerError(code: number, text: string): ReceiverEffect {
    if (this.#phase === 'over' || this.#phase === 'dallying') return none;
    return this.#fail({ kind: 'peer', code, text }, undefined);
  }

  /** At or after `deadlineMs`. */
  expire(nowMs: number): ReceiverEffect {
    if (this.#phase === 'over' || nowMs < this.deadlineMs) return none;
    if (this.#phase === 'dallying') {
      this.#phase = 'over';
      this.deadlineMs = Infinity;
      return closed;
    }
    if (nowMs >= this.#clock.givesUpMs) return this.#fail({ kind: 'timed-out' }, undefined);
    this.#clock.expired();
    if (this.#phase === 'requested') {
      this.#asked(nowMs, false);
      return request;
    }
    return this.#ack(this.#expected - 1, nowMs, false);
  }

  /** What is wrong with the OACK, if anything. */
  #agree(options: readonly TftpOption[]): string | undefined {
    const { blksize, windowsize, tsize } = this.#wanted;
    const seen = new Set<string>();
    for (const option of options) {
      const name = optionName(option.name);
      const value = optionNumber(option.value);
      if (name === undefined || value === undefined || seen.has(name)) return `option ${option.name}`;
      seen.add(name);
      if (name === 'blksize' && blksize !== undefined && value >= blksizeMin && value <= blksize)
        this.blksize = value;
      else if (name === 'windowsize' && windowsize !== undefined && value >= 1 && value <= windowsize)
        this.windowsize = value;
      else if (name === 'tsize' && tsize) this.tsize = value;
      else return `option ${option.name}=${option.value}`;
    }
    return undefined;
  }

  #inOrder(offset: number, nowMs: number): ReceiverEffect {
    if (this.#askedOnce) this.#clock.measured(nowMs - this.#askedMs);
    this.#askedOnce = false;
    this.#beyond++; // so that the block in order may be counted down with those that waited for it
    while (this.#stored[this.#expected % this.windowsize] === 1) {
      this.#stored[this.#expected % this.windowsize] = 0;
      this.#expected++;
      this.#beyond--;
      if (this.#expected - 1 === this.#lastBlock) return this.#finish(offset, nowMs);
    }
    const taken = this.#expected - 1;
    if (taken - this.#ackedBlock >= this.windowsize) return this.#storeAndAck(offset, taken, nowMs);
    this.#arm(nowMs);
    return { kind: 'store', offset, ack: -1 };
  }

  #beyondGap(index: number, offset: number, nowMs: number): ReceiverEffect {
    this.#beyond++;
    const endOfWindow = index === this.#ackedBlock + this.windowsize || index === this.#lastBlock;
    const told = this.#gapToldFor === this.#expected;
    if (!endOfWindow && (told || this.#beyond < 2)) return { kind: 'store', offset, ack: -1 };
    this.#gapToldFor = this.#expected;
    return this.#storeAndAck(offset, this.#expected - 1, nowMs);
  }

  /**
   * A block that is stored already. One that we acknowledged shows a sender behind our last ACK, which was lost:
   * it hears it again at the block where we stand. Blocks behind that ACK are what a resent window repeats
   * anyway; an ACK for each of those would start the next window over and over.
   */
  #oldBlock(ahead: number, nowMs: number): ReceiverEffect {
    const index = this.#expected + ahead - 0x10000;
    if (index < 1) return none;
    if (index <= this.#ackedBlock) this.#senderBehind = true;
    if (!this.#senderBehind || index !== this.#expected - 1) return none;
    return this.#ack(this.#expected - 1, nowMs, false);
  }

  #finish(offset: number, nowMs: number): ReceiverEffect {
    if (this.tsize !== undefined && this.sizeBytes !== this.tsize)
      return this.#fail({ kind: 'protocol', reason: 'shorter than its tsize' }, undefined);
    this.complete = true;
    this.#phase = 'dallying';
    this.#ackedBlock = this.#lastBlock;
    // RFC 1350 §6: long enough for the sender's next repeat or two.
    this.deadlineMs = nowMs + Math.min(this.#clock.rtoMs * 4, dallyMsMax);
    return { kind: 'store', offset, ack: this.#lastBlock & 0xffff };
  }

  #storeAndAck(offset: number, block: number, nowMs: number): ReceiverEffect {
    this.#ackedBlock = block;
    this.#asked(nowMs, true);
    return { kind: 'store', offset, ack: block & 0xffff };
  }

  #ack(block: number, nowMs: number, once: boolean): ReceiverEffect {
    if (this.#phase !== 'dallying') {
      this.#ackedBlock = block;
      this.#asked(nowMs, once);
    }
    return { kind: 'ack', block: block & 0xffff };
  }

  #fail(failure: ReceiverFailure, error: TftpError | undefined): ReceiverEffect {
    this.#phase = 'over';
    this.deadlineMs = Infinity;
    return { kind: 'failed', failure, error };
  }

  #progressed(nowMs: number): void {
    this.#clock.progressed(nowMs);
  }

  #asked(nowMs: number, once: boolean): void {
    this.#askedMs = nowMs;
    this.#askedOnce = once;
    this.#senderBehind = false;
    this.#arm(nowMs);
  }

  #arm(nowMs: number): void {
    this.deadlineMs = Math.min(nowMs + this.#clock.rtoMs, this.#clock.givesUpMs);
  }
}

/** A sender and a receiver of the core joined by a fake link; what they transfer is real bytes. */
import { negotiate } from '../../src/core/tftp/negotiate.ts';
import { Receiver, type ReceiverEffect, type Wanted } from '../../src/core/tftp/receiver.ts';
import { Sender, type SenderEffect } from '../../src/core/tftp/sender.ts';
import { FakeLink, type LinkFaults } from './fake-link.ts';
import type { Random } from './prng.ts';

/** A DATA names its bytes by the sender's offset; nothing is encoded. */
interface Packet {
  readonly kind: 'rrq' | 'oack' | 'data' | 'ack';
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

export interface PairResult {
  readonly received: Uint8Array | undefined;
  readonly failure: string | undefined;
  readonly packets: number;
  /** When the last byte was there. */
  readonly completeMs: number;
  readonly retransmits: number;
}

const limits = { blksizeMax: 65_464, windowsizeMax: 64 };

/** Runs one transfer to its end in virtual time; `received` is written into `target`. */
export function runPair(
  file: Uint8Array,
  wanted: Wanted,
  faults: LinkFaults,
  random: Random,
  target: Uint8Array,
): PairResult {
  return new TransferPair(file, wanted, faults, random, target).run();
}

class TransferPair {
  readonly #file: Uint8Array;
  readonly #target: Uint8Array;
  readonly #receiver: Receiver;
  readonly #link: FakeLink<Packet>;
  #sender: Sender | undefined;
  #served = false;
  #failure: string | undefined;
  #completeMs = Infinity;

  constructor(file: Uint8Array, wanted: Wanted, faults: LinkFaults, random: Random, target: Uint8Array) {
    this.#file = file;
    this.#target = target;
    this.#link = new FakeLink<Packet>(random, faults);
    this.#receiver = new Receiver(wanted, 0);
  }

  run(): PairResult {
    const link = this.#link;
    const receiver = this.#receiver;
    this.#received(receiver.start(0), 0, 0);
    while (this.#failure === undefined) {
      const senderMs = this.#sender && !this.#served ? this.#sender.deadlineMs : Infinity;
      const timerMs = Math.min(senderMs, receiver.deadlineMs);
      if (link.nextMs === Infinity && timerMs === Infinity) break;
      if (link.nextMs <= timerMs) {
        const packet = link.next();
        if (packet) this.#deliver(packet);
        continue;
      }
      link.nowMs = Math.max(link.nowMs, timerMs);
      if (senderMs === timerMs && this.#sender) this.#sent(this.#sender.expire(link.nowMs));
      else this.#received(receiver.expire(link.nowMs), 0, 0);
    }
    return {
      received: receiver.complete ? this.#target.subarray(0, receiver.sizeBytes) : undefined,
      failure: this.#failure,
      packets: link.carried,
      completeMs: this.#completeMs,
      retransmits: this.#sender?.retransmits ?? 0,
    };
  }

  #deliver(packet: Packet): void {
    const { nowMs } = this.#link;
    switch (packet.kind) {
      case 'data':
        this.#received(this.#receiver.data(packet.block, packet.length, nowMs), packet.offset, packet.length);
        return;
      case 'ack':
        if (this.#sender && !this.#served) this.#sent(this.#sender.ack(packet.block, nowMs));
        return;
      case 'oack':
        this.#received(this.#receiver.oack(this.#agreed().answer, nowMs), 0, 0);
        return;
      case 'rrq':
        if (this.#served) return; // a late repeat would open another transfer, to nobody
        if (this.#sender) this.#sent(this.#sender.restart(nowMs));
        else {
          this.#sender = new Sender(this.#file.length, this.#agreed(), nowMs);
          this.#sent(this.#sender.start(nowMs));
        }
    }
  }

  #agreed() {
    return negotiate(this.#receiver.options(), this.#file.length, limits);
  }

  #sent(effect: SenderEffect): void {
    const sender = this.#sender;
    if (!sender) return;
    switch (effect.kind) {
      case 'none':
        return;
      case 'oack':
        this.#link.send({ kind: 'oack', block: 0, offset: 0, length: 0 });
        return;
      case 'data':
        for (let index = effect.first; index < effect.first + effect.count; index++) {
          const { block, offset, length } = sender.block(index);
          this.#link.send({ kind: 'data', block, offset, length });
        }
        return;
      case 'done':
        this.#served = true;
        return;
      case 'failed':
        this.#served = true;
        if (!this.#receiver.complete) this.#failure = 'sender gave up';
    }
  }

  #received(effect: ReceiverEffect, offset: number, length: number): void {
    switch (effect.kind) {
      case 'none':
      case 'closed':
        return;
      case 'request':
        this.#link.send({ kind: 'rrq', block: 0, offset: 0, length: 0 });
        return;
      case 'ack':
        this.#link.send({ kind: 'ack', block: effect.block, offset: 0, length: 0 });
        return;
      case 'store':
        if (this.#receiver.complete) this.#completeMs = this.#link.nowMs;
        // The sender's offset names the bytes that travelled, the receiver's where it believes they belong.
        this.#target.set(this.#file.subarray(offset, offset + length), effect.offset);
        if (effect.ack !== -1) this.#link.send({ kind: 'ack', block: effect.ack, offset: 0, length: 0 });
        return;
      case 'failed':
        this.#failure = effect.failure.kind;
    }
  }
}

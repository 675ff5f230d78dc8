/**
 * The endpoint's hands: datagrams in, effects out, one thread that sleeps in poll and nowhere else.
 * Every protocol decision is core/tftp's, the same as on dgram; what this file adds is only where bytes lie.
 * The one short cut: a four-byte ACK from a known peer goes straight to `Endpoint.acknowledge`.
 */
import { assert } from '../../base/assert.ts';
import type { Event } from '../../base/events.ts';
import { timerTickMs } from '../../base/limits.ts';
import { hopOfOptions } from '../../core/cluster/hop.ts';
import { Endpoint } from '../../core/tftp/endpoint.ts';
import type { Decline, EndpointEffect } from '../../core/tftp/endpoint-effect.ts';
import type { SenderEffect } from '../../core/tftp/sender.ts';
import { TimerWheel } from '../../core/tftp/timer-wheel.ts';
import type { ServerTransfer } from '../../core/tftp/transfer.ts';
import { encodeError, encodeOack, headerBytes, opcode } from '../../wire/tftp-packet.ts';
import type { Arena } from './arena.ts';
import { FileShelf, type Found } from './file-shelf.ts';
import { ImageCache, type PacketImage } from './packet-image.ts';
import { PeerTable, recordSocket } from './peer-table.ts';
import type { Answer, Ask, Handed, Report, WorkerOptions } from './protocol.ts';
import type { ReceiveRing } from './receive-ring.ts';
import type { SendQueue } from './send-queue.ts';
import type { SockaddrCodec } from './sockaddr.ts';

const netasciiFull = 'netascii conversions use up their memory';
/** No slot: strangers whose packets open nothing. */
const nobody = -1;

type Transfer = ServerTransfer<PacketImage>;

export interface Port {
  readonly ring: ReceiveRing;
  readonly queue: SendQueue;
}

export class Pump {
  readonly endpoint: Endpoint<PacketImage>;
  readonly #arena: Arena;
  readonly #codec: SockaddrCodec;
  readonly #ports: readonly Port[];
  readonly #peers: PeerTable;
  readonly #images: ImageCache;
  readonly #shelf: FileShelf;
  readonly #wheel: TimerWheel<Transfer>;
  /** Transfers that wait for one answer, by name. */
  /** Questions that nobody joins, by who asked. */
  readonly #alone = new Map<Transfer, Search>();
  readonly #searches = new Map<string, Search>();
  readonly #asked = new Map<number, Search>();
  #asks: Ask[] = [];
  #handed: Handed[] = [];
  #events: Event[] = [];
  #lastAsk = 0;
  #strangersRefused = false;

  constructor(
    options: WorkerOptions,
    memory: { arena: Arena; codec: SockaddrCodec; ports: readonly Port[]; peers: PeerTable },
    nowMs: number,
  ) {
    this.endpoint = new Endpoint(options.limits, options.allowed, 'single');
    this.#arena = memory.arena;
    this.#codec = memory.codec;
    this.#ports = memory.ports;
    this.#peers = memory.peers;
    this.#images = new ImageCache(options.imageBytes, () => this.flush());
    this.#shelf = new FileShelf(this.#images, options.cacheBytesMax);
    this.#wheel = new TimerWheel(timerTickMs, nowMs);
  }

  /** How long poll may sleep; -1: until something comes. */
  get sleepMs(): number {
    return this.#wheel.size > 0 ? timerTickMs : -1;
  }

  /** Bytes of packet images and of the files kept by name. */
  get memory(): { readonly imageBytes: number; readonly fileBytes: number } {
    return { imageBytes: this.#images.usedBytes, fileBytes: this.#shelf.bytes };
  }

  get eventCount(): number {
    return this.#events.length;
  }

  /** What the main thread must hear; gives it away. */
  takeReport(): Report {
    const report = { asks: this.#asks, handed: this.#handed, events: this.#events };
    this.#asks = [];
    this.#handed = [];
    this.#events = [];
    return report;
  }

  /** What somebody waits for. */
  get urgentCount(): number {
    return this.#asks.length + this.#handed.length;
  }

  tell(event: Event): void {
    this.#events.push(event);
  }

  /** From now on packets of strangers are not even looked at. */
  refuseStrangers(): void {
    this.#strangersRefused = true;
  }

  /** Takes one batch of datagrams and sends what they cause; the number taken. */
  receive(port: Port, nowMs: number): number {
    const count = port.ring.receive();
    for (let i = 0; i < count; i++) this.#datagram(port.ring, i, nowMs);
    if (count > 0) this.flush();
    return count;
  }

  /** Lets every transfer look at the clock. */
  advance(nowMs: number): void {
    this.#wheel.advance(nowMs, (transfer) => {
      this.#apply(this.endpoint.expire(transfer, nowMs), nowMs);
      this.#arm(transfer);
    });
    this.flush();
  }

  answer(answers: readonly Answer[], nowMs: number): void {
    for (const answer of answers) {
      const search = this.#asked.get(answer.id);
      // Everybody who waited for it has gone.
      if (search === undefined) continue;
      this.#forgetSearch(search);
      this.#settleSearch(search, answer, nowMs);
    }
    this.flush();
  }

  invalidate(): void {
    this.#shelf.invalidate();
  }

  /** Tells every peer to come back later. */
  stop(nowMs: number): void {
    for (const transfer of this.endpoint.transfers()) this.#apply(this.endpoint.stop(transfer), nowMs);
    this.#shelf.invalidate();
    this.flush();
  }

  /** Sends all that is queued; afterwards records and images are free to change. */
  flush(): void {
    for (const port of this.#ports) port.queue.flush();
    this.#peers.settle();
  }

  #datagram(ring: ReceiveRing, i: number, nowMs: number): void {
    if (!ring.complete(i)) {
      this.endpoint.counters.malformed++;
      return;
    }
    const { u8 } = this.#arena;
    const slot = this.#peers.find(ring.record(i));
    const at = ring.start(i);
    if (slot !== nobody && ring.length(i) === headerBytes && u8[at] === 0 && u8[at + 1] === opcode.ack) {
      const transfer = this.endpoint.find(slot);
      assert(transfer !== undefined, 'a slot without a transfer');
      const block = ((u8[at + 2] ?? 0) << 8) | (u8[at + 3] ?? 0);
      this.#apply(this.endpoint.acknowledge(transfer, block, nowMs), nowMs);
      this.#arm(transfer);
      return;
    }
    this.#notAnAck(ring, i, slot, nowMs);
  }

  #notAnAck(ring: ReceiveRing, i: number, slot: number, nowMs: number): void {
    if (slot === nobody && this.#strangersRefused) return;
    const bytes = ring.bytes(i);
    const record = ring.record(i);
    const opens = slot === nobody && bytes[0] === 0 && (bytes[1] === opcode.rrq || bytes[1] === opcode.wrq);
    const key = opens ? this.#takeSlot(record) : slot;
    if (opens && key === nobody) {
      this.endpoint.counters.busy++; // the limit was raised beyond this table by a reload; the client asks again
      return;
    }
    const peer = { key, address: this.#codec.address(record), port: this.#codec.port(record) };
    this.#apply(this.endpoint.receive(peer, bytes, nowMs), nowMs);
    const transfer = this.endpoint.find(key);
    if (transfer !== undefined) this.#arm(transfer);
    else if (opens && this.#peers.isTaken(key)) this.#peers.give(key);
  }

  #takeSlot(record: number): number {
    const slot = this.#peers.take(record);
    if (slot !== nobody) return slot;
    this.flush(); // settles what was given back
    return this.#peers.take(record);
  }

  #arm(transfer: Transfer): void {
    if (transfer.phase !== 'ended') this.#wheel.schedule(transfer.timer, transfer.deadlineMs);
  }

  #apply(effects: readonly EndpointEffect<PacketImage>[], nowMs: number): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(effect.transfer, effect.send, nowMs);
          break;
        case 'event':
          this.#events.push(effect.event);
          break;
        case 'ended':
          this.#ended(effect.transfer);
          break;
        case 'resolve':
          this.#resolve(effect.transfer, nowMs);
          break;
        case 'hand-over':
          this.#handOver(effect.transfer);
          break;
        case 'unreached':
          break; // of transfers that were handed over: they live elsewhere
        case 'error':
          this.#sendSmall(slotOf(effect.peer.key), encodeError(effect.error));
          break;
      }
    }
  }

  #send(transfer: Transfer, send: SenderEffect, nowMs: number): void {
    if (send.kind === 'data') {
      if (!this.#sendBlocks(transfer, send.first, send.count))
        this.#apply(this.endpoint.fail(transfer, 'the file changed or cannot be read'), nowMs);
    } else if (send.kind === 'oack') {
      assert(transfer.agreed !== undefined, 'an OACK follows a negotiation');
      const bytes = encodeOack(transfer.agreed.answer);
      this.#sendSmall(slotOf(transfer.peer.key), bytes);
      this.endpoint.sent(transfer, bytes.length);
    }
  }

  #sendBlocks(transfer: Transfer, first: number, count: number): boolean {
    const { sender, shell: image } = transfer;
    assert(sender !== undefined && image !== undefined, 'blocks are sent of an open file');
    const record = this.#peers.record(slotOf(transfer.peer.key));
    const queue = this.#queueOf(record);
    const { strideBytes } = image;
    const runMax = queue.runMax(strideBytes);
    const end = first + count;
    for (let block = first; block < end;) {
      const address = this.#images.locate(image, block);
      if (address === 0) return false;
      const packets = Math.min(end - block, runMax, this.#images.blocksInRow(image, block));
      const last = sender.block(block + packets - 1);
      const bytes = (packets - 1) * strideBytes + headerBytes + last.length;
      queue.addRun(record, address, bytes, strideBytes);
      this.endpoint.sent(transfer, bytes);
      block += packets;
    }
    return true;
  }

  #sendSmall(slot: number, bytes: Uint8Array): void {
    const record = this.#peers.record(slot);
    this.#queueOf(record).addSmall(record, bytes);
  }

  #queueOf(record: number): SendQueue {
    const port = this.#ports[this.#arena.u32[(record + recordSocket) >>> 2] ?? -1];
    assert(port !== undefined, 'a record of a socket that is not open');
    return port.queue;
  }

  #resolve(transfer: Transfer, nowMs: number): void {
    const { name, options } = transfer.request;
    const hop = hopOfOptions(options);
    const found = hop === undefined ? this.#shelf.find(name, nowMs) : undefined;
    if (found !== undefined) {
      this.#open(transfer, found, nowMs);
      return;
    }
    const joined = hop === undefined ? this.#searches.get(name) : undefined;
    if (joined !== undefined) joined.transfers.add(transfer);
    else this.#ask(transfer, hop, hop === undefined);
  }

  /** `shared`: others who ask for the same name meanwhile wait for the same answer. */
  #ask(transfer: Transfer, hop: string | undefined, shared: boolean): void {
    const { name } = transfer.request;
    const search = { id: ++this.#lastAsk, name, asker: transfer, transfers: new Set([transfer]) };
    this.#asked.set(search.id, search);
    if (shared) this.#searches.set(name, search);
    else this.#alone.set(transfer, search);
    const { address, port } = transfer.peer;
    this.#asks.push({ id: search.id, name, address, port, hop });
  }

  /** An answer for its asker alone: the others ask for themselves. */
  #keepToAsker(search: Search): void {
    for (const transfer of search.transfers) {
      if (transfer === search.asker) continue;
      search.transfers.delete(transfer);
      this.#ask(transfer, undefined, false);
    }
  }

  #settleSearch(search: Search, answer: Answer, nowMs: number): void {
    if (answer.requesterOnly === true) this.#keepToAsker(search);
    if (search.transfers.size === 0) return;
    if (answer.kind === 'none') {
      this.#decline(search, answer.outcome, answer.reason, nowMs);
      return;
    }
    const taken = this.#shelf.take(search.name, answer, nowMs);
    if (!taken.ok) {
      this.#decline(search, 'unavailable', taken.error, nowMs);
      return;
    }
    for (const transfer of search.transfers) this.#open(transfer, taken.value, nowMs);
    this.#images.release(taken.value.file);
  }

  #decline(search: Search, outcome: Decline, reason: string, nowMs: number): void {
    for (const transfer of search.transfers) {
      this.#apply(this.endpoint.decline(transfer, outcome, reason, nowMs), nowMs);
      this.#arm(transfer);
    }
  }

  #open(transfer: Transfer, found: Found, nowMs: number): void {
    const netascii = transfer.request.mode === 'netascii';
    const file = netascii ? this.#shelf.asNetascii(found.file) : found.file;
    if (file === undefined) {
      this.#apply(this.endpoint.decline(transfer, 'busy', netasciiFull, nowMs), nowMs);
      return;
    }
    const effects = this.endpoint.open(transfer, file.source.sizeBytes, found.by, nowMs);
    if (transfer.sender !== undefined) transfer.shell = this.#images.open(file, transfer.sender.blksize);
    // The image holds the converted file from here on.
    if (netascii) this.#images.release(file);
    this.#apply(effects, nowMs);
    this.#arm(transfer);
  }

  #ended(transfer: Transfer): void {
    this.#wheel.cancel(transfer.timer);
    if (transfer.shell !== undefined) this.#images.close(transfer.shell);
    transfer.shell = undefined;
    const search = this.#alone.get(transfer) ?? this.#searches.get(transfer.request.name);
    if (search?.transfers.delete(transfer) && search.transfers.size === 0) this.#forgetSearch(search);
    const slot = slotOf(transfer.peer.key);
    if (this.endpoint.find(slot) === undefined && this.#peers.isTaken(slot)) this.#peers.give(slot);
  }

  #handOver({ peer, requestBytes: bytes }: Transfer): void {
    const record = this.#peers.record(slotOf(peer.key));
    const socket = this.#arena.u32[(record + recordSocket) >>> 2] ?? -1;
    const { address, port } = peer;
    this.#handed.push({ socket, local: this.#codec.local(record), address, port, bytes });
  }

  #forgetSearch(search: Search): void {
    this.#asked.delete(search.id);
    this.#alone.delete(search.asker);
    if (this.#searches.get(search.name) === search) this.#searches.delete(search.name);
  }
}

/** One question to the main thread and who waits for its answer. */
interface Search {
  readonly id: number;
  readonly name: string;
  /** Who is named in the question. */
  readonly asker: Transfer;
  readonly transfers: Set<Transfer>;
}

/** This engine's keys are slots. */
function slotOf(key: string | number): number {
  assert(typeof key === 'number' && key >= 0, 'a peer without a slot is never answered');
  return key;
}

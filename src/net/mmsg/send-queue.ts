/**
 * Datagrams of one socket on their way out, up to `queueMax` per call of sendmmsg.
 * DATA points into packet images, anything small is copied into a slab; nothing is allocated per packet.
 * A run of equal packets that lie behind one another leaves as one message with UDP_SEGMENT (GSO); where a
 * device or route refuses that (EIO, EINVAL, EMSGSIZE), the same packets go one by one and `refused` is told once.
 * A datagram the kernel does not take counts as lost: retransmission is the sender's business, not ours.
 */
import { assert } from '../../base/assert.ts';
import type { Arena } from './arena.ts';
import {
  AF_INET,
  controlHeaderBytes,
  EAGAIN,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  iovecBytes,
  type Libc,
  messageBytes,
  messageControl,
  messageControlLength,
  messageIov,
  messageIovLength,
  messageName,
  messageNameLength,
  MSG_DONTWAIT,
  pollBytes,
  POLLOUT,
  SOL_UDP,
  sockaddr4Bytes,
  sockaddr6Bytes,
  UDP_SEGMENT,
} from './libc.ts';
import { recordControl } from './peer-table.ts';
import { segmentControlBytes } from './receive-ring.ts';
import type { UdpSocket } from './sockets.ts';

const queueMax = 128;
/** An ERROR or OACK: no longer than the request it answers plus fixed texts. */
const smallBytesMax = 640;
/** The kernel takes up to 64 segments (UDP_MAX_SEGMENTS of old kernels) … */
export const segmentsMax = 64;
/** … and one IPv4 datagram's payload in a call. */
export const segmentedBytesMax = 65_507;
/** A send buffer that is full gets this long to drain before packets count as lost. */
const drainWaitMs = 5;

export interface SendCounters {
  packets: number;
  bytes: number;
  /** Packets the kernel did not take. */
  unsent: number;
}

export class SendQueue {
  readonly counters: SendCounters = { packets: 0, bytes: 0, unsent: 0 };
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #socket: UdpSocket;
  readonly #refused: (errno: number, segmentBytes: number) => void;
  readonly #messages: number;
  readonly #iovecs: number;
  readonly #slab: number;
  readonly #poll: number;
  readonly #controlTailBytes: number;
  /** Packet length of each message that is a run of several, else 0. */
  readonly #segmentBytes = new Int32Array(queueMax + segmentsMax);
  #count = 0;
  /** Packets up to this length may leave in runs. */
  #segmentBytesMax = segmentedBytesMax;

  constructor(
    libc: Libc,
    arena: Arena,
    socket: UdpSocket,
    refused: (errno: number, segmentBytes: number) => void,
  ) {
    this.#libc = libc;
    this.#arena = arena;
    this.#socket = socket;
    this.#refused = refused;
    this.#controlTailBytes = socket.wildcard ? (socket.family === AF_INET ? 32 : 40) : 0;
    // Behind the queue proper lie the messages that a refused run is taken apart into.
    this.#messages = arena.reserve((queueMax + segmentsMax) * messageBytes);
    this.#iovecs = arena.reserve((queueMax + segmentsMax) * iovecBytes);
    this.#slab = arena.reserve(queueMax * smallBytesMax);
    this.#poll = arena.reserve(pollBytes);
    for (let i = 0; i < queueMax + segmentsMax; i++) {
      const message = this.#messages + i * messageBytes;
      const nameBytes = socket.family === AF_INET ? sockaddr4Bytes : sockaddr6Bytes;
      arena.writeWord(message + messageNameLength, nameBytes);
      arena.writeWord(message + messageIov, arena.address + this.#iovecs + i * iovecBytes);
      arena.writeWord(message + messageIovLength, 1);
    }
    arena.u32[this.#poll >>> 2] = socket.fd;
    arena.u16[(this.#poll + 4) >>> 1] = POLLOUT;
  }

  static readonly arenaBytes =
    (queueMax + segmentsMax) * (messageBytes + iovecBytes) + queueMax * smallBytesMax + pollBytes + 256;

  /** Largest number of packets of this length that may be given to `addRun`. */
  runMax(packetBytes: number): number {
    if (packetBytes > this.#segmentBytesMax) return 1;
    return Math.max(1, Math.min(segmentsMax, Math.floor(segmentedBytesMax / packetBytes)));
  }

  /** Queues a copy of `bytes` to the peer of the record at `record`. */
  addSmall(record: number, bytes: Uint8Array): void {
    assert(bytes.length <= smallBytesMax, 'a packet larger than its slab');
    if (this.#count === queueMax) this.flush();
    const at = this.#slab + this.#count * smallBytesMax;
    this.#arena.u8.set(bytes, at);
    this.counters.packets++;
    this.counters.bytes += bytes.length;
    this.#add(this.#count++, record, this.#arena.address + at, bytes.length, 0);
  }

  /**
   * Queues `lengthBytes` at `address`: one packet, or packets of `packetBytes` each (the last may be shorter).
   * The memory must stay as it is until `flush`.
   */
  addRun(record: number, address: number, lengthBytes: number, packetBytes: number): void {
    const segmented = lengthBytes > packetBytes;
    // The segment size stands in the record, for all that is queued to it.
    const queuedBytes = this.#arena.u16[(record + recordControl + controlHeaderBytes) >>> 1];
    if (this.#count === queueMax || (segmented && queuedBytes !== 0 && queuedBytes !== packetBytes))
      this.flush();
    this.counters.packets += Math.ceil(lengthBytes / packetBytes);
    this.counters.bytes += lengthBytes;
    this.#add(this.#count++, record, address, lengthBytes, segmented ? packetBytes : 0);
  }

  /** Sends what is queued; afterwards no record and no image is pointed to. */
  flush(): void {
    let at = 0;
    let waited = false;
    while (at < this.#count) {
      const sent = this.#send(at, this.#count - at);
      if (sent > 0) {
        at += sent;
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN && !waited) {
        waited = true;
        this.#libc.poll(this.#arena.address + this.#poll, 1, drainWaitMs);
        continue;
      }
      if (errno === EAGAIN) {
        this.counters.unsent += this.#count - at;
        break;
      }
      if ((this.#segmentBytes[at] ?? 0) > 0) this.#takeApart(at, errno);
      else this.counters.unsent++;
      at++;
    }
    this.#count = 0;
  }

  #send(at: number, count: number): number {
    const messages = this.#arena.address + this.#messages + at * messageBytes;
    return this.#libc.sendmmsg(this.#socket.fd, messages, count, MSG_DONTWAIT);
  }

  /** The run at `at` was refused: its packets leave one by one, and others like it from now on. */
  #takeApart(at: number, errno: number): void {
    const packetBytes = this.#segmentBytes[at] ?? 0;
    if (errno === EIO || errno === EINVAL || errno === EMSGSIZE) {
      // Too long for a route says nothing about shorter packets; anything else is about the device.
      const segmentBytesMax = errno === EMSGSIZE ? packetBytes - 1 : 0;
      if (segmentBytesMax < this.#segmentBytesMax) this.#refused(errno, packetBytes);
      this.#segmentBytesMax = Math.min(this.#segmentBytesMax, segmentBytesMax);
    }
    const { u32 } = this.#arena;
    const iovec = (this.#iovecs + at * iovecBytes) >>> 2;
    const name = (this.#messages + at * messageBytes + messageName) >>> 2;
    const address = (u32[iovec] ?? 0) + (u32[iovec + 1] ?? 0) * 0x1_0000_0000;
    const record = (u32[name] ?? 0) + (u32[name + 1] ?? 0) * 0x1_0000_0000 - this.#arena.address;
    const lengthBytes = u32[iovec + 2] ?? 0;
    let packets = 0;
    for (let from = 0; from < lengthBytes; from += packetBytes) {
      this.#add(queueMax + packets++, record, address + from, Math.min(packetBytes, lengthBytes - from), 0);
    }
    for (let from = 0; from < packets;) {
      const sent = this.#send(queueMax + from, packets - from);
      if (sent <= 0) {
        this.counters.unsent += packets - from;
        break;
      }
      from += sent;
    }
  }

  #add(at: number, record: number, address: number, lengthBytes: number, packetBytes: number): void {
    const { u32, u16 } = this.#arena;
    const message = this.#messages + at * messageBytes;
    const iovec = this.#iovecs + at * iovecBytes;
    this.#arena.writeWord(message + messageName, this.#arena.address + record);
    this.#arena.writeWord(iovec, address);
    u32[(iovec + 8) >>> 2] = lengthBytes;
    this.#segmentBytes[at] = packetBytes;
    const control = record + recordControl;
    if (packetBytes > 0) {
      u32[control >>> 2] = controlHeaderBytes + 2;
      u32[(control + 8) >>> 2] = SOL_UDP;
      u32[(control + 12) >>> 2] = UDP_SEGMENT;
      u16[(control + controlHeaderBytes) >>> 1] = packetBytes;
      this.#arena.writeWord(message + messageControl, this.#arena.address + control);
      u32[(message + messageControlLength) >>> 2] = segmentControlBytes + this.#controlTailBytes;
    } else if (this.#controlTailBytes > 0) {
      this.#arena.writeWord(message + messageControl, this.#arena.address + control + segmentControlBytes);
      u32[(message + messageControlLength) >>> 2] = this.#controlTailBytes;
    } else {
      u32[(message + messageControlLength) >>> 2] = 0;
    }
  }
}

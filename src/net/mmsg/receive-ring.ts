/**
 * Datagrams of one socket, up to `batch` per call of recvmmsg, in memory laid out once.
 * Each message's peer lies in a record of peer-table.ts's form, so it is looked up where the kernel wrote it.
 * A buffer is larger than any legal request: what is longer is cut, and still too long to be one.
 * Dropped here: broadcast and multicast requests (RFC 1123 §4.2.3.5), and port 0, which cannot be answered (RFC 768).
 */
import { assert } from '../../base/assert.ts';
import { requestBytesMax } from '../../base/limits.ts';
import type { Arena } from './arena.ts';
import {
  AF_INET,
  controlHeaderBytes,
  EAGAIN,
  EINTR,
  iovecBytes,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  type Libc,
  messageBytes,
  messageControl,
  messageControlLength,
  messageIov,
  messageIovLength,
  messageLength,
  messageName,
  messageNameLength,
  MSG_DONTWAIT,
  sockaddrBytes,
} from './libc.ts';
import { recordBytes, recordControl, recordLocal, recordSocket } from './peer-table.ts';
import type { UdpSocket } from './sockets.ts';

export const receiveBatch = 64;
const bufferBytes = 640;
const controlBytes = 64;

export class ReceiveRing {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #socket: UdpSocket;
  readonly #messages: number;
  readonly #records: number;
  readonly #buffers: number;
  readonly #controls: number;
  readonly #views: readonly Uint8Array[];
  #used = receiveBatch;

  constructor(libc: Libc, arena: Arena, socket: UdpSocket, socketIndex: number) {
    this.#libc = libc;
    this.#arena = arena;
    this.#socket = socket;
    this.#messages = arena.reserve(receiveBatch * messageBytes);
    const iovecs = arena.reserve(receiveBatch * iovecBytes);
    this.#records = arena.reserve(receiveBatch * recordBytes);
    this.#buffers = arena.reserve(receiveBatch * bufferBytes);
    this.#controls = arena.reserve(receiveBatch * controlBytes);
    for (let i = 0; i < receiveBatch; i++) {
      const message = this.#messages + i * messageBytes;
      const iovec = iovecs + i * iovecBytes;
      arena.writeWord(message + messageName, arena.address + this.record(i));
      arena.writeWord(message + messageIov, arena.address + iovec);
      arena.writeWord(message + messageIovLength, 1);
      arena.writeWord(iovec, arena.address + this.#buffers + i * bufferBytes);
      arena.writeWord(iovec + 8, bufferBytes);
      if (socket.wildcard)
        arena.writeWord(message + messageControl, arena.address + this.#controls + i * controlBytes);
      arena.u32[(this.record(i) + recordSocket) >>> 2] = socketIndex;
    }
    this.#views = Array.from({ length: receiveBatch }, (_, i) => {
      const start = this.#buffers + i * bufferBytes;
      return arena.u8.subarray(start, start + bufferBytes);
    });
    assert(bufferBytes > requestBytesMax, 'a buffer that could not show that a request is too long');
  }

  static readonly arenaBytes =
    receiveBatch * (messageBytes + iovecBytes + recordBytes + bufferBytes + controlBytes) + 320;

  /** Number of datagrams taken without waiting; 0 when there are none. */
  receive(): number {
    const { u32 } = this.#arena;
    for (let i = 0; i < this.#used; i++) {
      const message = this.#messages + i * messageBytes;
      u32[(message + messageNameLength) >>> 2] = sockaddrBytes;
      if (this.#socket.wildcard) u32[(message + messageControlLength) >>> 2] = controlBytes;
    }
    const address = this.#arena.address + this.#messages;
    const count = this.#libc.recvmmsg(this.#socket.fd, address, receiveBatch, MSG_DONTWAIT, 0);
    this.#used = Math.max(count, 0);
    return count < 0 ? this.#failed(this.#libc.errno()) : count;
  }

  /** Offset of the peer's record of message `i`. */
  record(i: number): number {
    return this.#records + i * recordBytes;
  }

  /** Bytes of message `i` that are there; more than a request may have when it was cut. */
  length(i: number): number {
    return this.#arena.u32[(this.#messages + i * messageBytes + messageLength) >>> 2] ?? 0;
  }

  /** Offset of the first byte of message `i`. */
  start(i: number): number {
    return this.#buffers + i * bufferBytes;
  }

  /** A view that the next `receive` overwrites. */
  bytes(i: number): Uint8Array {
    const whole = this.#views[i] ?? this.#arena.u8.subarray(0, 0);
    return whole.subarray(0, this.length(i));
  }

  /** Completes the record of message `i` with the address it was sent to; false: it must not be answered. */
  complete(i: number): boolean {
    const { u8, u32 } = this.#arena;
    const record = this.record(i);
    if (u8[record + 2] === 0 && u8[record + 3] === 0) return false;
    if (!this.#socket.wildcard) return true;
    const control = this.#controls + i * controlBytes;
    const length = u32[(this.#messages + i * messageBytes + messageControlLength) >>> 2] ?? 0;
    if (length < controlHeaderBytes) return false;
    const [level, type] = [u32[(control + 8) >>> 2], u32[(control + 12) >>> 2]];
    const info = control + controlHeaderBytes;
    const reply = record + recordControl + segmentControlBytes;
    if (this.#socket.family === AF_INET) {
      if (level !== IPPROTO_IP || type !== IP_PKTINFO) return false;
      // struct in_pktinfo { interface, local address for a reply, destination }: they differ for broadcast.
      if (u32[(info + 4) >>> 2] !== u32[(info + 8) >>> 2]) return false;
      u32[(record + recordLocal) >>> 2] = u32[(info + 4) >>> 2] ?? 0;
      this.#writeControl(reply, 28, IPPROTO_IP, IP_PKTINFO);
      u32[(reply + 16) >>> 2] = 0;
      u32[(reply + 20) >>> 2] = u32[(info + 4) >>> 2] ?? 0;
      u32[(reply + 24) >>> 2] = 0;
      return true;
    }
    if (level !== IPPROTO_IPV6 || type !== IPV6_PKTINFO || u8[info] === 0xff) return false;
    // struct in6_pktinfo { address, interface }.
    u8.copyWithin(record + recordLocal, info, info + 16);
    this.#writeControl(reply, 36, IPPROTO_IPV6, IPV6_PKTINFO);
    u8.copyWithin(reply + 16, info, info + 20);
    return true;
  }

  #writeControl(at: number, length: number, level: number, type: number): void {
    const { u32 } = this.#arena;
    u32[at >>> 2] = length;
    u32[(at + 4) >>> 2] = 0;
    u32[(at + 8) >>> 2] = level;
    u32[(at + 12) >>> 2] = type;
  }

  #failed(errno: number): number {
    if (errno === EAGAIN || errno === EINTR) return 0;
    return -errno;
  }
}

/** UDP_SEGMENT's control message (16 + u16, aligned) stands before PKTINFO's, so that either may be left out. */
export const segmentControlBytes = 24;

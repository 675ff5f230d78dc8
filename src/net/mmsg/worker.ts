/**
 * The worker's life: open the sockets, say so, then poll them and an eventfd until told to stop.
 * The thread blocks in poll and never returns to its event loop, so messages are taken with
 * receiveMessageOnPort when the eventfd fires; nothing here may wait for a promise.
 */
import { readSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { Arena } from './arena.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK, type Libc, loadLibc, pollBytes, POLLIN } from './libc.ts';
import { PeerTable } from './peer-table.ts';
import { counterNames, type FromWorker, type ToWorker, type WorkerOptions } from './protocol.ts';
import { type Port, Pump } from './pump.ts';
import { receiveBatch, ReceiveRing } from './receive-ring.ts';
import { SendQueue } from './send-queue.ts';
import { SockaddrCodec } from './sockaddr.ts';
import { SocketOpener, type UdpSocket } from './sockets.ts';

/** Full batches taken from one socket before the others and the timers get their turn. */
const batchesInARow = 4;
/** The thread looks up this often even when nothing happens: process.exit waits for it, and poll hears nobody. */
const idleLookMs = 500;
/** Events wait this long for company. */
const reportDelayMs = 5;
const reportEventsMax = 256;
/** Reports the main thread may be behind before this thread leaves it the processor. */
const reportsBehindMax = 64;

const port = parentPort;
assert(port !== null, 'this file runs as a worker');

function post(message: FromWorker): void {
  port?.postMessage(message);
}

class Loop {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #sockets: readonly UdpSocket[];
  readonly #ports: readonly Port[];
  readonly #pump: Pump;
  readonly #polls: number;
  readonly #wakeFd: number;
  readonly #wakeBytes = new Uint8Array(8);
  readonly #stats: Float64Array;
  readonly #reportsDone: Int32Array;
  #reportsSent = 0;
  #lastReportMs = 0;
  #received = 0;
  #stopAtMs = Infinity;

  constructor(
    options: WorkerOptions,
    libc: Libc,
    arena: Arena,
    codec: SockaddrCodec,
    sockets: readonly UdpSocket[],
  ) {
    this.#libc = libc;
    this.#arena = arena;
    this.#sockets = sockets;
    this.#ports = sockets.map((socket, index) => ({
      ring: new ReceiveRing(libc, arena, socket, index),
      queue: new SendQueue(libc, arena, socket, (errno, segmentBytes) =>
        this.#segmentsRefused(errno, segmentBytes),
      ),
    }));
    const peers = new PeerTable(arena, slotsFor(options));
    this.#pump = new Pump(options, { arena, codec, ports: this.#ports, peers }, performance.now());
    this.#wakeFd = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(this.#wakeFd >= 0, 'a descriptor for an eventfd');
    this.#polls = arena.reserve((sockets.length + 1) * pollBytes);
    for (const [i, fd] of [this.#wakeFd, ...sockets.map((socket) => socket.fd)].entries()) {
      arena.u32[(this.#polls + i * pollBytes) >>> 2] = fd;
      arena.u16[(this.#polls + i * pollBytes + 4) >>> 1] = POLLIN;
    }
    this.#stats = new Float64Array(options.stats);
    this.#reportsDone = new Int32Array(options.reportsDone);
  }

  get wakeFd(): number {
    return this.#wakeFd;
  }

  run(): void {
    let more = false;
    let nowMs = performance.now();
    while (nowMs < this.#stopAtMs) {
      this.#libc.poll(this.#arena.address + this.#polls, this.#ports.length + 1, more ? 0 : this.#sleepMs());
      nowMs = performance.now();
      if (this.#ready(0)) this.#takeMessages(nowMs);
      more = false;
      for (const [i, port] of this.#ports.entries())
        if (this.#ready(i + 1) && this.#receive(port, nowMs)) more = true;
      this.#pump.advance(nowMs);
      this.#report(nowMs);
      if (this.#stopAtMs !== Infinity && this.#pump.endpoint.transferCount === 0) break;
    }
    this.#pump.stop(nowMs);
    this.#report(Infinity);
    for (const socket of this.#sockets) this.#libc.close(socket.fd);
  }

  /** Until the next timer, report or end, whichever is first. */
  #sleepMs(): number {
    const { sleepMs, eventCount } = this.#pump;
    let least = sleepMs < 0 ? idleLookMs : sleepMs;
    if (eventCount > 0 && reportDelayMs < least) least = reportDelayMs;
    if (this.#stopAtMs === Infinity) return least;
    return Math.min(least, Math.max(1, Math.ceil(this.#stopAtMs - performance.now())));
  }

  #ready(i: number): boolean {
    return this.#arena.u16[(this.#polls + i * pollBytes + 6) >>> 1] !== 0;
  }

  /** True when more is waiting than its turn allows. */
  #receive(port: Port, nowMs: number): boolean {
    for (let i = 0; i < batchesInARow; i++) {
      const count = this.#pump.receive(port, nowMs);
      this.#received += count;
      if (count < receiveBatch) return false;
    }
    return true;
  }

  #takeMessages(nowMs: number): void {
    readSync(this.#wakeFd, this.#wakeBytes);
    for (let got = take(); got !== undefined; got = take()) {
      if (got.kind === 'answers') this.#pump.answer(got.answers, nowMs);
      else if (got.kind === 'invalidate') this.#pump.invalidate();
      else if (got.kind === 'renewing') this.#pump.endpoint.ownPorts.wanted = got.isRenewing;
      else if (got.kind === 'unreached') this.#pump.endpoint.ownPorts.unreached(got.address, nowMs);
      else if (got.kind === 'reconfigure') this.#pump.endpoint.reconfigure(got.limits, got.allowed);
      else {
        this.#pump.refuseStrangers();
        this.#stopAtMs = nowMs + got.graceMs;
      }
    }
  }

  #report(nowMs: number): void {
    this.#writeStats();
    const { urgentCount, eventCount } = this.#pump;
    const due = nowMs - this.#lastReportMs >= reportDelayMs || eventCount >= reportEventsMax;
    if (urgentCount === 0 && (eventCount === 0 || !due)) return;
    this.#lastReportMs = nowMs;
    post({ kind: 'report', ...this.#pump.takeReport() });
    this.#reportsSent++;
    const done = Atomics.load(this.#reportsDone, 0);
    if (this.#reportsSent - done > reportsBehindMax)
      Atomics.wait(this.#reportsDone, 0, done, timeoutBehindMs);
  }

  /** After every turn, so that what the last packet did is seen even if none follows; nothing is allocated. */
  #writeStats(): void {
    const { counters, transferCount } = this.#pump.endpoint;
    let at = 0;
    for (const name of counterNames) this.#stats[at++] = counters[name];
    this.#stats[at++] = transferCount;
    this.#stats[at++] = this.#received;
    let packets = 0;
    let bytes = 0;
    let unsent = 0;
    for (const { queue } of this.#ports) {
      packets += queue.counters.packets;
      bytes += queue.counters.bytes;
      unsent += queue.counters.unsent;
    }
    this.#stats[at++] = packets;
    this.#stats[at++] = bytes;
    this.#stats[at] = unsent;
  }

  #segmentsRefused(errno: number, segmentBytes: number): void {
    this.#pump.tell({
      type: 'warning',
      topic: 'segmentation',
      message: `the kernel refused to segment packets of ${segmentBytes} bytes (${getSystemErrorName(-errno)}): they leave one by one`,
    });
  }
}

/** How long this thread steps back at most when the main thread is behind. */
const timeoutBehindMs = 5;

function take(): ToWorker | undefined {
  assert(port !== null, 'this file runs as a worker');
  const got = receiveMessageOnPort(port);
  return got?.message as ToWorker | undefined;
}

/** Room for limits that a reload raises; a slot costs memory when it is used. */
const slotsLeast = 32_768;

/** Every transfer, and the strangers of one batch whose records still wait to be sent to. */
function slotsFor({ limits, listen }: WorkerOptions): number {
  return Math.max(limits.transfersMax, slotsLeast) + 2 * receiveBatch * listen.length;
}

function start(options: WorkerOptions): void {
  const loaded = loadLibc();
  if (!loaded.ok) {
    post({ kind: 'unsupported', reason: loaded.error });
    return;
  }
  const perSocket = ReceiveRing.arenaBytes + SendQueue.arenaBytes + 1024;
  const arena = new Arena(PeerTable.bytesFor(slotsFor(options)) + options.listen.length * perSocket + 4096);
  const codec = new SockaddrCodec(loaded.value, arena);
  const opener = new SocketOpener(loaded.value, arena, codec);
  const sockets: UdpSocket[] = [];
  for (const [index, listen] of options.listen.entries()) {
    const { dscp, receiveBufferBytes } = options;
    const opened = opener.open({ ...listen, dscp, receiveBufferBytes });
    if (!opened.ok) {
      for (const socket of sockets) loaded.value.close(socket.fd);
      post({ kind: 'refused', index, ...opened.error });
      return;
    }
    sockets.push(opened.value);
  }
  const loop = new Loop(options, loaded.value, arena, codec, sockets);
  const bound = sockets.map(({ address, port, receiveBufferBytes }) => ({
    address,
    port,
    receiveBufferBytes,
  }));
  post({ kind: 'listening', sockets: bound, wakeFd: loop.wakeFd });
  loop.run();
  post({ kind: 'stopped' });
}

start(workerData as WorkerOptions);

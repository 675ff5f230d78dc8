/**
 * The batched packet engine as the server sees it: starts the worker, answers its questions through the
 * resolver, passes its events on. Single port only: transfer ports are dgram's, also for what is handed over.
 * Linux on x64 and arm64; anything else is `EngineUnsupported`, and `auto` falls back to dgram.
 */
import { closeSync, writeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { Worker } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { engineFilesBytesMax, packetImageBytesMax, receiveBufferBytes } from '../../base/limits.ts';
import { listenFailure } from '../../base/listen-failure.ts';
import type { EngineOptions, EngineStats, ListenAddress, TftpEngine } from '../engine.ts';
import { receiveBufferWarning } from '../udp.ts';
import { platformRefusal } from './platform.ts';
import {
  type Answer,
  type Ask,
  type FromWorker,
  statNames,
  type ToWorker,
  type WorkerOptions,
} from './protocol.ts';

/** This engine cannot run here; the message says why in one sentence. */
export class EngineUnsupported extends Error {
  override readonly name = 'EngineUnsupported';
}

/** Failures as base/listen-failure.ts has them; EngineUnsupported where this engine cannot run. */
export async function startMmsgEngine(options: EngineOptions): Promise<TftpEngine> {
  const refusal = options.ports === 'single' ? platformRefusal() : 'transfer ports need the dgram engine';
  if (refusal !== undefined) throw new EngineUnsupported(refusal);
  const shared = {
    stats: new SharedArrayBuffer(statNames.length * Float64Array.BYTES_PER_ELEMENT),
    reportsDone: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  };
  const data: WorkerOptions = {
    listen: options.listen,
    limits: options.limits,
    allowed: options.allow,
    dscp: options.dscp ?? 0,
    receiveBufferBytes,
    imageBytes: packetImageBytesMax,
    cacheBytesMax: engineFilesBytesMax,
    ...shared,
  };
  const worker = startWorker(data);
  const first = await firstWord(worker);
  if (first.kind === 'listening') return new MmsgEngine(options, worker, first, shared);
  await worker.terminate();
  if (first.kind === 'refused') throw listenError(first, options.listen);
  throw new EngineUnsupported(first.reason);
}

class MmsgEngine implements TftpEngine {
  readonly name = 'mmsg';
  readonly addresses: readonly ListenAddress[];
  readonly #options: EngineOptions;
  readonly #worker: Worker;
  readonly #wakeFd: number;
  readonly #stats: Float64Array;
  readonly #reportsDone: Int32Array;
  readonly #shared = new WeakMap<Uint8Array, { readonly content: number; readonly bytes: Uint8Array }>();
  readonly #exited: Promise<void>;
  #contents = 0;
  #answers: Answer[] = [];
  #closing = false;
  #gone = false;

  constructor(
    options: EngineOptions,
    worker: Worker,
    listening: Extract<FromWorker, { kind: 'listening' }>,
    shared: { readonly stats: SharedArrayBuffer; readonly reportsDone: SharedArrayBuffer },
  ) {
    this.#options = options;
    this.#worker = worker;
    this.#wakeFd = listening.wakeFd;
    this.#stats = new Float64Array(shared.stats);
    this.#reportsDone = new Int32Array(shared.reportsDone);
    this.addresses = listening.sockets.map(({ address, port }) => ({ address, port }));
    for (const { address, port, receiveBufferBytes: got } of listening.sockets) {
      if (got < receiveBufferBytes) options.onEvent(receiveBufferWarning(got));
      options.onEvent({ type: 'listening', service: 'tftp', address, port });
    }
    worker.on('message', (message: FromWorker) => this.#heard(message));
    // A worker that throws has a bug, or the machine is out of memory: the process must not go on without TFTP.
    worker.on('error', (error) => {
      throw error;
    });
    const unsubscribe = options.onInvalidate?.(() => this.#say({ kind: 'invalidate' }));
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#gone = true;
        unsubscribe?.();
        closeSync(this.#wakeFd);
        assert(this.#closing, 'the packet engine ended by itself');
        resolve();
      });
    });
  }

  stats(): EngineStats {
    const numbers = statNames.map((name, i) => [name, this.#stats[i] ?? 0] as const);
    return Object.fromEntries(numbers) as unknown as EngineStats;
  }

  reconfigure({ limits, allow }: Pick<EngineOptions, 'limits' | 'allow'>): void {
    this.#say({ kind: 'reconfigure', limits, allowed: allow });
  }

  renewing(isRenewing: boolean): void {
    this.#say({ kind: 'renewing', isRenewing });
  }

  unreached(address: string): void {
    this.#say({ kind: 'unreached', address });
  }

  async close(graceMs: number): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#say({ kind: 'stop', graceMs });
    }
    await this.#exited;
  }

  #heard(message: FromWorker): void {
    if (message.kind !== 'report') return;
    for (const ask of message.asks) void this.#answer(ask);
    for (const { socket, local = this.addresses[socket]?.address ?? '', ...request } of message.handed)
      this.#options.onHandOver({ ...request, local });
    for (const event of message.events) this.#options.onEvent(event);
    Atomics.add(this.#reportsDone, 0, 1);
    Atomics.notify(this.#reportsDone, 0);
  }

  /** Never rejects: a resolver that fails is an answer too. */
  async #answer(ask: Ask): Promise<void> {
    const answer = await this.#resolve(ask);
    this.#answers.push(answer);
    // One message for all that are ready in this turn of the event loop.
    if (this.#answers.length === 1)
      setImmediate(() => {
        this.#say({ kind: 'answers', answers: this.#answers });
        this.#answers = [];
      });
  }

  async #resolve({ id, name, address, port, hop }: Ask): Promise<Answer> {
    try {
      const marked = hop === undefined ? {} : { hop };
      const request = { name, transport: 'tftp' as const, address, port, ...marked };
      const resolution = await this.#options.resolver.resolve(request);
      const whom = resolution.requesterOnly === true ? { requesterOnly: true } : {};
      switch (resolution.kind) {
        case 'served': {
          const { by, content, freshForMs } = resolution;
          if (content.kind === 'file') return { id, kind: 'file', content, by, ...whom };
          return { id, kind: 'memory', ...this.#share(content.bytes), by, freshForMs, ...whom };
        }
        case 'not-found':
          return { id, kind: 'none', outcome: 'not-found', reason: 'not found', ...whom };
        case 'refused':
        case 'retry':
          return { id, kind: 'none', outcome: resolution.kind, reason: resolution.reason, ...whom };
      }
    } catch (error) {
      return { id, kind: 'none', outcome: 'unavailable', reason: `failed: ${String(error)}` };
    }
  }

  /** The bytes where both threads see them; the same array is copied once. */
  #share(bytes: Uint8Array): { readonly content: number; readonly bytes: Uint8Array } {
    const known = this.#shared.get(bytes);
    if (known !== undefined) return known;
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    const shared = { content: ++this.#contents, bytes: copy };
    this.#shared.set(bytes, shared);
    return shared;
  }

  #say(message: ToWorker): void {
    if (this.#gone) return;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(message);
    writeSync(this.#wakeFd, wakeBytes);
  }
}

/** What an eventfd counts up by: a little-endian one. */
const wakeBytes = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

type FirstWord = Extract<FromWorker, { kind: 'listening' | 'refused' | 'unsupported' }>;

function firstWord(worker: Worker): Promise<FirstWord> {
  return new Promise((resolve) => {
    const unsupported = (reason: string): void => resolve({ kind: 'unsupported', reason });
    worker.once('message', (message: FirstWord) => {
      worker.removeAllListeners('error').removeAllListeners('exit');
      resolve(message);
    });
    // The usual cause is a koffi without its library for this platform.
    worker.once('error', (error) => unsupported(`the worker did not start: ${error.message}`));
    worker.once('exit', (status) => unsupported(`the worker ended with status ${status}`));
  });
}

/** A transfer's few objects die within its milliseconds: with room for them, hardly one is ever copied by the collector. */
const maxYoungGenerationSizeMb = 48;

/**
 * Compiled, the worker lies beside this file. Run from source (tests, tsx) on a Node that does not strip types,
 * a worker has no loader of its own and must be given tsx's first.
 */
function startWorker(data: WorkerOptions): Worker {
  const options = { workerData: data, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb } };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  const source = new URL('./worker.ts', import.meta.url);
  if ('typescript' in process.features && process.features.typescript) return new Worker(source, options);
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const script = `import(${tsx}).then((tsx) => (tsx.register(), import(${JSON.stringify(source.href)})));`;
  return new Worker(script, { ...options, eval: true });
}

function listenError(
  { index, call, code }: Extract<FromWorker, { kind: 'refused' }>,
  listen: readonly ListenAddress[],
): unknown {
  const { address, port } = listen[index] ?? { address: '', port: 0 };
  const where = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const error = Object.assign(new Error(`${call} ${code} ${where}`), { code });
  return listenFailure(error, 'TFTP', where);
}

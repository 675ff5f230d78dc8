/**
 * Fetches one file by TFTP with the core's receiver (RFC 1350, 2347, 2348, 2349, 7440).
 * The server's port is locked with its first answer (RFC 1350 §4: its TID); packets from elsewhere are answered
 * with ERROR 5 and change nothing. Refused: more than sizeBytesMax, another size than announced, options that
 * were not asked, a server at another address than the one asked.
 */
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Failure } from '../base/errors.ts';
import { blksizeMax, fileNameBytesMax, memoryFileBytesMax, windowsizeMax } from '../base/limits.ts';
import { encodeUtf8, printable } from '../base/text.ts';
import { tftpErrors } from '../core/tftp/error-text.ts';
import { decodeNetascii } from '../core/tftp/netascii.ts';
import { parseAddress } from '../core/tftp/network.ts';
import { Receiver, type ReceiverEffect, type ReceiverFailure } from '../core/tftp/receiver.ts';
import { decodePacket, encodeAck, encodeError, encodeRequest } from '../wire/tftp-packet.ts';
import type { FileSink } from '../core/ports.ts';
import type { TftpOption } from '../wire/tftp-option.ts';
import { bindUdp } from './udp.ts';

export interface FetchOptions {
  /** Address or name of the server. */
  readonly host: string;
  readonly port: number;
  readonly name: string;
  /** Default `octet`. Netascii is decoded: lines end with LF. */
  readonly mode?: 'octet' | 'netascii';
  /** Default 1428 (no fragments on Ethernet); `null`: not asked for. */
  readonly blksize?: number | null;
  /** Default 8; `null`: not asked for. */
  readonly windowsize?: number | null;
  /** Ask for the size and hold the server to it; default true. */
  readonly tsize?: boolean;
  /** For the whole transfer; without progress it ends after about 30 s anyway. */
  readonly timeoutMs?: number;
  /** More is not taken; default memoryFileBytesMax. */
  readonly sizeBytesMax?: number;
  /** The address to ask from. */
  readonly bindAddress?: string | undefined;
  /** Options of the request beyond those that shape the transfer. */
  readonly extraOptions?: readonly TftpOption[];
  /** The server sent its first packet. */
  readonly onAnswer?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * The file's bytes. Failures: `usage` (a name that cannot be asked), `not-found` (ERROR 1), `peer-error` (another ERROR, or answers against the
 * protocol), `unreachable` (no answer, time used up), `interrupted` (signal), or of binding (base/listen-failure.ts).
 */
export async function fetchTftp(options: FetchOptions): Promise<Uint8Array> {
  const memory = new MemorySink();
  const size = await receiveTftp(options, memory);
  const bytes = memory.bytes.subarray(0, size);
  return options.mode === 'netascii' ? decodeNetascii(bytes) : bytes;
}

/**
 * As `fetchTftp`, into a sink, and gives the number of bytes. A window is acknowledged when the sink has it, so that
 * a slow disk slows the server down instead of filling the memory. What the sink throws ends the transfer.
 */
export async function receiveTftp(options: FetchOptions, sink: FileSink): Promise<number> {
  const { name } = options;
  if (name === '' || name.includes('\0') || encodeUtf8(name).length > fileNameBytesMax)
    throw new Failure('usage', `a TFTP name has 1 to ${fileNameBytesMax} bytes and no NUL`);
  const address = await resolveHost(options.host);
  const any = isIP(address) === 6 ? '::' : '0.0.0.0';
  const socket = await bindUdp(options.bindAddress ?? any, 0, 'TFTP client');
  return new Download(socket, address, options, sink).run();
}

async function resolveHost(host: string): Promise<string> {
  if (isIP(host.split('%', 1)[0] ?? '') !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new Failure('unreachable', `${host} is not a known host`, { cause: error });
  }
}

/** Grows with the file. */
class MemorySink implements FileSink {
  bytes = new Uint8Array(64 * 1024);

  announce(): undefined {
    return undefined;
  }

  write(data: Uint8Array, offset: number): undefined {
    const end = offset + data.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(data, offset);
    return undefined;
  }
}

class Download {
  readonly #socket: Socket;
  readonly #options: FetchOptions;
  readonly #address: string;
  /** Compared instead of the text: IPv6 addresses have several spellings. */
  readonly #server: string;
  readonly #receiver: Receiver;
  readonly #request: Uint8Array;
  readonly #sink: FileSink;
  readonly #done: Promise<number>;
  #resolve: (sizeBytes: number) => void = () => undefined;
  #reject: (failure: unknown) => void = () => undefined;
  /** Writes that the sink has not finished; undefined: none. */
  #writing: Promise<void> | undefined;
  /** 0 until the server answered. */
  #tid = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: Socket, address: string, options: FetchOptions, sink: FileSink) {
    this.#sink = sink;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#socket = socket;
    this.#options = options;
    this.#address = address;
    this.#server = normal(address);
    const { blksize = 1428, windowsize = 8, tsize = true, sizeBytesMax = memoryFileBytesMax } = options;
    const wanted = {
      blksize: blksize === null ? undefined : Math.min(blksize, blksizeMax),
      windowsize: windowsize === null ? undefined : Math.min(windowsize, windowsizeMax),
      tsize,
      sizeBytesMax,
    };
    this.#receiver = new Receiver(wanted, performance.now());
    const { name, mode = 'octet', extraOptions = [] } = options;
    const wire = [...this.#receiver.options(), ...extraOptions];
    this.#request = encodeRequest({ kind: 'rrq', name, mode, options: wire });
  }

  async run(): Promise<number> {
    const { timeoutMs, signal, host, port } = this.#options;
    const late = () =>
      this.#abort(new Failure('unreachable', `${host}:${port} took longer than ${timeoutMs} ms`));
    const deadline = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    const interrupt = () => this.#abort(new Failure('interrupted', 'the transfer was interrupted'));
    signal?.addEventListener('abort', interrupt);
    this.#socket.on('message', (bytes, from) => this.#received(bytes, from.address, from.port));
    this.#socket.on('error', (error) =>
      this.#fail(new Failure('unreachable', error.message, { cause: error })),
    );
    this.#apply(this.#receiver.start(performance.now()), undefined);
    if (signal?.aborted) interrupt();
    try {
      return await this.#done;
    } finally {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', interrupt);
    }
  }

  #received(bytes: Uint8Array, address: string, port: number): void {
    const packet = decodePacket(bytes);
    const stranger = normal(address) !== this.#server || (this.#tid !== 0 && port !== this.#tid);
    if (stranger) {
      // RFC 1350 §4; an ERROR is never answered.
      if (packet.ok && packet.value.kind !== 'error')
        this.#send(encodeError(tftpErrors.unknownTransfer), port, address);
      return;
    }
    if (!packet.ok) return; // noise; the timer asks again
    const nowMs = performance.now();
    const { value } = packet;
    if (value.kind === 'rrq' || value.kind === 'wrq' || value.kind === 'ack') return;
    if (this.#tid === 0) this.#options.onAnswer?.();
    this.#tid = port;
    switch (value.kind) {
      case 'data':
        this.#apply(this.#receiver.data(value.block, value.data.length, nowMs), value.data);
        break;
      case 'oack':
        this.#agreed(this.#receiver.oack(value.options, nowMs));
        break;
      case 'error':
        this.#apply(this.#receiver.peerError(value.code, value.text), undefined);
    }
  }

  #apply(effect: ReceiverEffect, data: Uint8Array | undefined): void {
    switch (effect.kind) {
      case 'none':
        break;
      case 'request':
        this.#send(this.#request, this.#options.port, this.#address);
        break;
      case 'ack':
        this.#sendToPeer(encodeAck(effect.block));
        break;
      case 'store':
        this.#store(data, effect.offset);
        this.#whenStored(() => {
          if (effect.ack !== -1) this.#sendToPeer(encodeAck(effect.ack));
          if (this.#receiver.complete) this.#completed();
        });
        break;
      case 'failed':
        if (effect.error) this.#sendToPeer(encodeError(effect.error));
        this.#fail(this.#failureOf(effect.failure));
        return;
      case 'closed':
        this.#close();
        return;
    }
    this.#schedule();
  }

  /** The sink hears of the size before the first byte. */
  #agreed(effect: ReceiverEffect): void {
    const { tsize } = this.#receiver;
    if (effect.kind === 'ack' && tsize !== undefined) this.#hand(() => this.#sink.announce(tsize));
    this.#whenStored(() => this.#apply(effect, undefined));
  }

  #store(data: Uint8Array | undefined, offset: number): void {
    if (data) this.#hand(() => this.#sink.write(data, offset));
  }

  /** One call of the sink after the other. */
  #hand(call: () => Promise<void> | undefined): void {
    const before = this.#writing;
    let now: Promise<void> | undefined;
    try {
      now = before === undefined ? call() : before.then(call);
    } catch (failed) {
      this.#abort(failed);
      return;
    }
    if (now === undefined) return;
    const settled: Promise<void> = now.then(
      () => {
        if (this.#writing === settled) this.#writing = undefined;
      },
      (failed: unknown) => this.#abort(failed),
    );
    this.#writing = settled;
  }

  #whenStored(then: () => void): void {
    if (this.#writing === undefined) then();
    else void this.#writing.then(() => (this.#closed ? undefined : then()));
  }

  /** The caller has its file; the socket dallies on, without keeping the process alive (RFC 1350 §6). */
  #completed(): void {
    this.#resolve(this.#receiver.sizeBytes);
    this.#socket.unref();
    this.#timer?.unref();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#receiver.deadlineMs === Infinity) return;
    const waitMs = Math.max(0, this.#receiver.deadlineMs - performance.now());
    this.#timer = setTimeout(
      () => this.#apply(this.#receiver.expire(performance.now()), undefined),
      waitMs + 1,
    );
    if (this.#receiver.complete) this.#timer.unref();
  }

  /** Given up by us: the server need not go on either. */
  #abort(failure: unknown): void {
    if (this.#tid !== 0) this.#sendToPeer(encodeError(tftpErrors.interrupted));
    this.#fail(failure);
  }

  #fail(failure: unknown): void {
    this.#reject(failure);
    // What was just handed to the socket leaves before it closes.
    setImmediate(() => this.#close());
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #sendToPeer(bytes: Uint8Array): void {
    this.#send(bytes, this.#tid, this.#address);
  }

  #send(bytes: Uint8Array, port: number, address: string): void {
    if (this.#closed) return;
    // A send that fails is a lost packet: the timer repeats it, or gives up.
    this.#socket.send(bytes, 0, bytes.length, port, address, () => undefined);
  }

  #failureOf(failure: ReceiverFailure): Failure {
    const { host, port, name } = this.#options;
    const where = `${host}:${port}`;
    switch (failure.kind) {
      case 'timed-out':
        return new Failure('unreachable', `${where} does not answer`, {
          hint: 'Is a TFTP server listening there, and does a firewall let its answers through?',
        });
      case 'peer':
        if (failure.code === 1) return new Failure('not-found', `${where} has no ${printable(name)}`);
        return new Failure('peer-error', `${where} says: ${printable(failure.text)} (ERROR ${failure.code})`);
      case 'protocol':
        return new Failure('peer-error', `${where} breaks the protocol: ${printable(failure.reason)}`);
      case 'too-large':
        return new Failure('peer-error', `${printable(name)} at ${where} is larger than allowed`);
    }
  }
}

function normal(address: string): string {
  const parsed = parseAddress(address);
  return parsed ? parsed.words.join('.') : address;
}

/**
 * The portable packet engine: Node's UDP sockets around the endpoint. One socket per listen address, so that
 * replies leave from the address that was asked; with a port range one more per transfer. Without any listener it answers
 * what a single-port engine hands over (core/tftp/own-ports.ts).
 * Not here, because dgram cannot: DSCP, the local address of a datagram at a wildcard address.
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Event } from '../base/events.ts';
import { timerTickMs } from '../base/limits.ts';
import { Endpoint } from '../core/tftp/endpoint.ts';
import type { EndpointEffect } from '../core/tftp/endpoint-effect.ts';
import type { PortUse } from '../core/tftp/own-ports.ts';
import type { SenderEffect } from '../core/tftp/sender.ts';
import { TimerWheel } from '../core/tftp/timer-wheel.ts';
import type { Peer, ServerTransfer } from '../core/tftp/transfer.ts';
import { encodeError, encodeOack, headerBytes, writeDataHeader } from '../wire/tftp-packet.ts';
import { hopOfOptions } from '../core/cluster/hop.ts';
import { requestAnswerer, type AnswerRequest } from './answer-request.ts';
import { contentOpener, type ContentReader } from './content-reader.ts';
import type {
  EngineOptions,
  EngineStats,
  HandedRequest,
  ListenAddress,
  Ports,
  TftpEngine,
} from './engine.ts';
import { bindTransferPort } from './transfer-port.ts';
import { bindUdp, widenReceiveBuffer } from './udp.ts';

/** Where a request came to; without a socket it was handed over, and nothing leaves but from a port of its own. */
interface Arrival {
  readonly local: string;
  readonly socket: Socket | undefined;
}

interface Listener extends Arrival {
  readonly index: number;
  readonly socket: Socket;
  readonly port: number;
}

/** What the engine keeps with a transfer. */
interface Shell {
  readonly arrival: Arrival;
  /** Where its packets leave: the listener's socket, or its own. */
  socket: Socket | undefined;
  reader: ContentReader | undefined;
  /** The send whose bytes are being read; a later one replaces it. */
  reading: SenderEffect | undefined;
}

type Transfer = ServerTransfer<Shell>;

export async function startDgramEngine(options: EngineOptions): Promise<TftpEngine> {
  const listeners: Listener[] = [];
  try {
    for (const [index, { address, port, fd }] of options.listen.entries()) {
      const socket = await bindUdp(address, port, 'TFTP', fd);
      listeners.push({ index, socket, local: address, port: socket.address().port });
    }
  } catch (error) {
    for (const { socket } of listeners) socket.close();
    throw error;
  }
  return new DgramEngine(options, listeners, options.ports === 'single' ? 'single' : 'own');
}

export interface HandedTransfers extends Pick<TftpEngine, 'stats' | 'reconfigure' | 'close'> {
  /** A repeat of a request that is being answered opens no second port. */
  take(request: HandedRequest): void;
}

export interface HandedOptions extends Omit<EngineOptions, 'listen' | 'ports' | 'onHandOver'> {
  readonly ports: Exclude<Ports, 'single'>;
  /** Who was answered from a port of its own did not acknowledge it. */
  readonly onUnreached: (address: string) => void;
}

export function createHandedTransfers(options: HandedOptions): HandedTransfers {
  const none = (): void => undefined;
  return new DgramEngine({ ...options, listen: [], onHandOver: none }, [], 'tried', options.onUnreached);
}

class DgramEngine implements TftpEngine, HandedTransfers {
  readonly name = 'dgram';
  readonly addresses: readonly ListenAddress[];
  readonly #options: EngineOptions;
  readonly #listeners: readonly Listener[];
  readonly #endpoint: Endpoint<Shell>;
  readonly #answer: AnswerRequest;
  readonly #onUnreached: (address: string) => void;
  readonly #wheel = new TimerWheel<Transfer>(timerTickMs, performance.now());
  #ticking: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #packetsReceived = 0;
  #packetsSent = 0;
  #bytesSent = 0;
  #sendErrors = 0;

  constructor(
    options: EngineOptions,
    listeners: readonly Listener[],
    ports: PortUse,
    onUnreached: (address: string) => void = () => undefined,
  ) {
    this.#options = options;
    this.#listeners = listeners;
    this.addresses = listeners.map(({ local, port }) => ({ address: local, port }));
    this.#onUnreached = onUnreached;
    this.#endpoint = new Endpoint(options.limits, options.allow, ports);
    this.#answer = requestAnswerer(options.resolver, contentOpener());
    for (const listener of listeners) this.#listen(listener);
  }

  stats(): EngineStats {
    return {
      ...this.#endpoint.counters,
      transfers: this.#endpoint.transferCount,
      packetsReceived: this.#packetsReceived,
      packetsSent: this.#packetsSent,
      bytesSent: this.#bytesSent,
      sendErrors: this.#sendErrors,
    };
  }

  reconfigure({ limits, allow }: Pick<EngineOptions, 'limits' | 'allow'>): void {
    this.#endpoint.reconfigure(limits, allow);
  }

  renewing(isRenewing: boolean): void {
    this.#endpoint.ownPorts.wanted = isRenewing;
  }

  unreached(address: string): void {
    this.#endpoint.ownPorts.unreached(address, performance.now());
  }

  take({ local, address, port, bytes }: HandedRequest): void {
    if (this.#closing) return;
    const peer: Peer = { key: `${local}/${address}/${port}`, address, port };
    this.#apply(this.#endpoint.receive(peer, bytes, performance.now()), { local, socket: undefined });
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    if (this.#endpoint.transferCount > 0 && graceMs > 0) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      const timer = setTimeout(() => this.#drained?.(), graceMs);
      await drained;
      clearTimeout(timer);
    }
    for (const transfer of this.#endpoint.transfers()) this.#apply(this.#endpoint.stop(transfer), undefined);
    clearInterval(this.#ticking);
    await Promise.all(this.#listeners.map(({ socket }) => closeSocket(socket)));
  }

  #listen(listener: Listener): void {
    const { socket, local, port } = listener;
    const warning = widenReceiveBuffer(socket) ?? wildcardWarning(local);
    if (warning) this.#options.onEvent(warning);
    this.#watch(socket);
    socket.on('message', (bytes, from) => this.#received(listener, bytes, from));
    this.#options.onEvent({ type: 'listening', service: 'tftp', address: local, port });
  }

  /** ICMP errors and the like concern one peer; its timer deals with it. */
  #watch(socket: Socket): void {
    socket.on('error', () => this.#sendErrors++);
  }

  #received(listener: Listener, bytes: Uint8Array, from: RemoteInfo): void {
    this.#packetsReceived++;
    const nowMs = performance.now();
    const { address, port } = from;
    const peer: Peer = { key: `${listener.index}/${address}/${port}`, address, port };
    if (this.#closing && !this.#endpoint.find(peer.key)) return;
    this.#apply(this.#endpoint.receive(peer, bytes, nowMs), listener);
  }

  #apply(effects: readonly EndpointEffect<Shell>[], arrival: Arrival | undefined): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(effect.transfer, effect.send);
          this.#schedule(effect.transfer);
          break;
        case 'event':
          this.#options.onEvent(effect.event);
          break;
        case 'error': {
          const socket = effect.transfer?.shell?.socket ?? arrival?.socket;
          if (socket) this.#transmit(socket, effect.peer, encodeError(effect.error));
          break;
        }
        case 'resolve':
          if (!arrival) break;
          effect.transfer.shell = {
            arrival,
            socket: arrival.socket,
            reader: undefined,
            reading: undefined,
          };
          this.#schedule(effect.transfer);
          void this.#begin(effect.transfer, effect.transfer.shell);
          break;
        case 'hand-over': {
          const { peer, requestBytes, shell } = effect.transfer;
          const { address, port } = peer;
          if (shell)
            this.#options.onHandOver({ local: shell.arrival.local, address, port, bytes: requestBytes });
          break;
        }
        case 'unreached':
          this.#onUnreached(effect.peer.address);
          break;
        case 'ended':
          this.#release(effect.transfer);
      }
    }
  }

  /** Never rejects: whatever fails on the way is a decline. */
  async #begin(transfer: Transfer, shell: Shell): Promise<void> {
    const { ports } = this.#options;
    if (ports !== 'single') {
      const socket = await bindTransferPort(shell.arrival.local, ports);
      if (!socket) {
        this.#apply(
          this.#endpoint.decline(transfer, 'busy', 'no free transfer port', performance.now()),
          shell.arrival,
        );
        return;
      }
      if (transfer.phase === 'ended') {
        socket.close();
        return;
      }
      shell.socket = socket;
      this.#listenAtTransferPort(transfer, socket);
    }
    const { peer, request } = transfer;
    const answer = await this.#answer({
      name: request.name,
      mode: request.mode,
      address: peer.address,
      port: peer.port,
      hop: hopOfOptions(request.options),
    });
    const nowMs = performance.now();
    if (answer.kind === 'decline') {
      this.#apply(this.#endpoint.decline(transfer, answer.outcome, answer.reason, nowMs), undefined);
      this.#schedule(transfer);
      return;
    }
    if (transfer.phase === 'ended') {
      answer.reader.close();
      return;
    }
    shell.reader = answer.reader;
    this.#apply(this.#endpoint.open(transfer, answer.reader.sizeBytes, answer.by, nowMs), undefined);
  }

  #listenAtTransferPort(transfer: Transfer, socket: Socket): void {
    this.#watch(socket);
    socket.on('message', (bytes, { address, port }) => {
      this.#packetsReceived++;
      const peer: Peer = { key: '', address, port };
      const effects = this.#endpoint.receiveAtTransferPort(transfer, peer, bytes, performance.now());
      this.#apply(effects, undefined);
    });
  }

  #send(transfer: Transfer, send: SenderEffect): void {
    const { shell, sender, agreed } = transfer;
    if (!shell?.reader || !sender || !agreed) return;
    if (send.kind === 'oack') {
      const bytes = encodeOack(agreed.answer);
      this.#endpoint.sent(transfer, bytes.length);
      if (shell.socket) this.#transmit(shell.socket, transfer.peer, bytes);
      return;
    }
    if (send.kind !== 'data') return;
    const { offset } = sender.block(send.first);
    const last = sender.block(send.first + send.count - 1);
    const bytes = shell.reader.read(offset, last.offset + last.length - offset);
    if (bytes instanceof Uint8Array) {
      shell.reading = undefined;
      this.#sendBlocks(transfer, shell, send, bytes);
      return;
    }
    shell.reading = send;
    bytes.then(
      (read) => {
        if (shell.reading === send && transfer.phase === 'sending')
          this.#sendBlocks(transfer, shell, send, read);
      },
      (error: unknown) => this.#apply(this.#endpoint.fail(transfer, String(error)), undefined),
    );
  }

  #sendBlocks(
    transfer: Transfer,
    shell: Shell,
    send: { readonly first: number; readonly count: number },
    bytes: Uint8Array,
  ): void {
    const { sender, peer } = transfer;
    const { socket } = shell;
    if (!sender || !socket) return;
    const base = sender.block(send.first).offset;
    for (let index = send.first; index < send.first + send.count; index++) {
      const { block, offset, length } = sender.block(index);
      const packet = Buffer.allocUnsafe(headerBytes + length);
      writeDataHeader(packet, 0, block);
      packet.set(bytes.subarray(offset - base, offset - base + length), headerBytes);
      this.#transmit(socket, peer, packet);
    }
    this.#endpoint.sent(transfer, bytes.length + send.count * headerBytes);
  }

  #transmit(socket: Socket, peer: Peer, bytes: Uint8Array): void {
    this.#packetsSent++;
    this.#bytesSent += bytes.length;
    // Neither a part of `bytes`, which Node would wrap anew, nor a callback, which would cost a turn of the event loop
    // for each packet: a send that the kernel refuses is a packet lost, and the transfer's timer deals with it.
    socket.send(bytes, peer.port, peer.address);
  }

  #schedule(transfer: Transfer): void {
    if (transfer.phase === 'ended') return;
    this.#wheel.schedule(transfer.timer, transfer.deadlineMs);
    this.#ticking ??= setInterval(() => this.#tick(), timerTickMs);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#wheel.advance(nowMs, (transfer) => {
      this.#apply(this.#endpoint.expire(transfer, nowMs), undefined);
      this.#schedule(transfer);
    });
    if (this.#wheel.size > 0) return;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #release(transfer: Transfer): void {
    this.#wheel.cancel(transfer.timer);
    const { shell } = transfer;
    transfer.shell = undefined;
    shell?.reader?.close();
    // An ERROR that was just handed over leaves before the port closes.
    const own = shell?.socket === shell?.arrival.socket ? undefined : shell?.socket;
    if (own) setImmediate(() => own.close());
    if (this.#endpoint.transferCount === 0) this.#drained?.();
  }
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** At a wildcard address the kernel picks the source of a reply by its route, which need not be the address asked. */
function wildcardWarning(address: string): Event | undefined {
  if (address !== '0.0.0.0' && address !== '::') return undefined;
  const family = address === '::' ? 'IPv6' : 'IPv4';
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (own.filter((one) => one.family === family && !one.internal).length < 2) return undefined;
  return {
    type: 'warning',
    topic: 'wildcard-address',
    message: `${address} with several ${family} addresses: replies may leave from another one; name the addresses to listen on`,
  };
}

/**
 * One endpoint and many clients in virtual time, every packet encoded and decoded, over a faulty link.
 * The shell around the endpoint is what an engine is: timers by the wheel, bytes from memory.
 */
import { defaultAllowedNetworks } from '../../src/core/tftp/admission.ts';
import { Endpoint } from '../../src/core/tftp/endpoint.ts';
import type { EndpointEffect } from '../../src/core/tftp/endpoint-effect.ts';
import { defaultEndpointLimits, type EndpointLimits } from '../../src/core/tftp/endpoint-limits.ts';
import { Receiver, type ReceiverEffect, type Wanted } from '../../src/core/tftp/receiver.ts';
import { TimerWheel } from '../../src/core/tftp/timer-wheel.ts';
import type { Peer, ServerTransfer } from '../../src/core/tftp/transfer.ts';
import {
  decodePacket,
  encodeAck,
  encodeData,
  encodeError,
  encodeOack,
  encodeRequest,
} from '../../src/wire/tftp-packet.ts';
import { FakeLink, type LinkFaults } from './fake-link.ts';
import type { Random } from './prng.ts';

interface Datagram {
  readonly client: Client;
  readonly toServer: boolean;
  readonly bytes: Uint8Array;
}

interface Client {
  readonly peer: Peer;
  readonly receiver: Receiver;
  readonly request: Uint8Array;
  readonly bytes: Uint8Array;
  failure: string | undefined;
}

export interface Fetched {
  readonly bytes: Uint8Array | undefined;
  readonly failure: string | undefined;
}

type Shell = Uint8Array;

export class EndpointNet {
  readonly endpoint: Endpoint<Shell>;
  readonly link: FakeLink<Datagram>;
  readonly events: string[] = [];
  sentByServer = 0;
  #muted = false;
  readonly #files: Readonly<Record<string, Uint8Array>>;
  readonly #wheel = new TimerWheel<ServerTransfer<Shell>>(10, 0);
  readonly #clients = new Map<Peer['key'], Client>();

  constructor(
    files: Readonly<Record<string, Uint8Array>>,
    faults: LinkFaults,
    random: Random,
    limits: Partial<EndpointLimits> = {},
  ) {
    this.#files = files;
    this.link = new FakeLink(random, faults);
    this.endpoint = new Endpoint({ ...defaultEndpointLimits, ...limits }, defaultAllowedNetworks, 'single');
  }

  /** From now on clients send their first request and are not heard again. */
  mute(): void {
    this.#muted = true;
  }

  /** Runs all fetches, which start at once, and the server until it is idle again. */
  run(fetches: readonly { readonly name: string; readonly wanted: Wanted }[]): readonly Fetched[] {
    const clients = fetches.map(({ name, wanted }, i) => this.#client(i, name, wanted));
    for (const client of clients)
      this.#clientEffect(client, client.receiver.start(this.link.nowMs), undefined);
    while (this.#step());
    return clients.map(({ receiver, bytes, failure }) => ({
      bytes: receiver.complete ? bytes.subarray(0, receiver.sizeBytes) : undefined,
      failure,
    }));
  }

  #client(i: number, name: string, wanted: Wanted): Client {
    const address = `10.${i % 200}.0.${1 + (i % 250)}`;
    const port = 1024 + i;
    const receiver = new Receiver(wanted, this.link.nowMs);
    const request = encodeRequest({ kind: 'rrq', name, mode: 'octet', options: receiver.options() });
    const peer = { key: `${address}/${port}`, address, port };
    const client = {
      peer,
      receiver,
      request,
      bytes: new Uint8Array(wanted.sizeBytesMax),
      failure: undefined,
    };
    this.#clients.set(peer.key, client);
    return client;
  }

  /** One packet, or ten milliseconds without one; false when nothing is left to happen. */
  #step(): boolean {
    const { link } = this;
    const clientMs = Math.min(...[...this.#clients.values()].map(({ receiver }) => receiver.deadlineMs));
    if (link.idle && this.#wheel.size === 0 && clientMs === Infinity) return false;
    const tickMs = Math.floor(link.nowMs / 10) * 10 + 10;
    if (link.nextMs <= tickMs) {
      const datagram = link.next();
      if (datagram) this.#deliver(datagram);
      return true;
    }
    const { nowMs } = link;
    link.nowMs =
      this.#wheel.size > 0 || clientMs <= tickMs ? tickMs : Math.max(nowMs, Math.min(clientMs, link.nextMs));
    for (const client of this.#clients.values()) {
      this.#clientEffect(client, client.receiver.expire(link.nowMs), undefined);
    }
    this.#wheel.advance(link.nowMs, (transfer) => {
      this.#apply(this.endpoint.expire(transfer, link.nowMs));
      this.#schedule(transfer);
    });
    return true;
  }

  #deliver({ client, toServer, bytes }: Datagram): void {
    const { nowMs } = this.link;
    if (toServer) {
      this.#apply(this.endpoint.receive(client.peer, bytes, nowMs));
      return;
    }
    const packet = decodePacket(bytes);
    if (!packet.ok) return;
    const { receiver } = client;
    const { value } = packet;
    if (value.kind === 'data')
      this.#clientEffect(client, receiver.data(value.block, value.data.length, nowMs), value.data);
    else if (value.kind === 'oack')
      this.#clientEffect(client, receiver.oack(value.options, nowMs), undefined);
    else if (value.kind === 'error')
      this.#clientEffect(client, receiver.peerError(value.code, value.text), undefined);
  }

  #apply(effects: readonly EndpointEffect<Shell>[]): void {
    const { nowMs } = this.link;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'event':
          this.events.push(effect.event.type);
          break;
        case 'error':
          this.#toClient(effect.peer, encodeError(effect.error));
          break;
        case 'ended':
          this.#wheel.cancel(effect.transfer.timer);
          break;
        case 'resolve': {
          const { transfer } = effect;
          transfer.shell = this.#files[transfer.request.name];
          if (transfer.shell)
            this.#apply(this.endpoint.open(transfer, transfer.shell.length, 'memory', nowMs));
          else this.#apply(this.endpoint.decline(transfer, 'not-found', '', nowMs));
          this.#schedule(transfer);
          break;
        }
        case 'send':
          this.#send(effect);
          this.#schedule(effect.transfer);
          break;
        case 'hand-over':
        case 'unreached':
          throw new Error('no key is renewed here');
      }
    }
  }

  #send({ transfer, send }: Extract<EndpointEffect<Shell>, { kind: 'send' }>): void {
    const { sender, agreed, shell, peer } = transfer;
    if (!sender || !agreed || !shell) return;
    if (send.kind === 'oack') this.#toClient(peer, encodeOack(agreed.answer));
    if (send.kind !== 'data') return;
    for (let index = send.first; index < send.first + send.count; index++) {
      const { block, offset, length } = sender.block(index);
      this.#toClient(peer, encodeData(block, shell.subarray(offset, offset + length)));
    }
  }

  #schedule(transfer: ServerTransfer<Shell>): void {
    if (transfer.phase !== 'ended') this.#wheel.schedule(transfer.timer, transfer.deadlineMs);
  }

  #toClient(peer: Peer, bytes: Uint8Array): void {
    const client = this.#clients.get(peer.key);
    if (!client) return;
    this.sentByServer++;
    if (!this.#muted) this.link.send({ client, toServer: false, bytes });
  }

  #clientEffect(client: Client, effect: ReceiverEffect, data: Uint8Array | undefined): void {
    if (this.#muted && this.link.nowMs > 0) return;
    const send = (bytes: Uint8Array) => this.link.send({ client, toServer: true, bytes });
    switch (effect.kind) {
      case 'none':
      case 'closed':
        return;
      case 'request':
        send(client.request);
        return;
      case 'ack':
        send(encodeAck(effect.block));
        return;
      case 'store':
        if (data) client.bytes.set(data, effect.offset);
        if (effect.ack !== -1) send(encodeAck(effect.ack));
        return;
      case 'failed':
        client.failure = effect.failure.kind;
        if (effect.error) send(encodeError(effect.error));
    }
  }
}

/**
 * The Trust Verification Service on TLS, TCP 2445 (formats.md §4, docs/formats/tvs.md): questions in, answers out, and
 * nothing else. Whoever asks gets the answer: certificates are public. A client certificate is asked for, not demanded;
 * by a known issuer it proves which phone asks.
 *
 * Ended without an answer: what is no question by its first bytes, a question longer than any certificate makes it, one
 * that is not complete in time, an answer that is not read, a connection that does nothing, a renegotiation. Handshakes
 * are rationed with turns for each address (core/tvs/fair-gate.ts). TLS 1.2 at least; for phones that speak TLS 1.0 only
 * there is a listener of its own.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { assert } from '../base/assert.ts';
import type { EventSink } from '../base/events.ts';
import {
  tvsConnectionsMax,
  tvsConnectionsPerAddressMax,
  tvsExchangeMs,
  tvsHandshakeBurst,
  tvsHandshakeMs,
  tvsHandshakesPerSecond,
  tvsIdleMs,
  tvsSweepMs,
} from '../base/limits-tvs.ts';
import { listenFailure } from '../base/listen-failure.ts';
import { plainAddress } from '../base/peer-address.ts';
import { seeHandshake, type NewHandshake } from '../core/trust/seen-handshake.ts';
import { FairGate } from '../core/tvs/fair-gate.ts';
import { TvsFramer } from '../core/tvs/framer.ts';
import { encodeTvsMessage, type TvsRequest, type TvsResponse } from '../wire/tvs-message.ts';
import type { ListenAddress } from './engine.ts';
import { ConnectionTable, type ConnectionStage } from './tvs-connections.ts';

export interface TvsIdentity {
  readonly keyPem: string;
  /** The certificate, then its chain. */
  readonly certPem: string;
}

export interface TvsListen extends ListenAddress {
  /** For phones that speak TLS 1.0: OpenSSL's security level 0. */
  readonly legacy: boolean;
}

/** Who asks, as far as it is known. */
export interface TvsPeer {
  readonly address: string;
  /** Common name of a client certificate by a known issuer, such as `CP-8861-SEPB000B4BA0AEE`. */
  readonly provedName: string | undefined;
}

export interface TvsLimits {
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  readonly stageMs: Readonly<Record<ConnectionStage, number>>;
  readonly handshakesPerSecond: number;
  readonly handshakeBurst: number;
}

export const tvsLimits: TvsLimits = {
  connectionsMax: tvsConnectionsMax,
  perAddressMax: tvsConnectionsPerAddressMax,
  stageMs: { handshake: tvsHandshakeMs, exchange: tvsExchangeMs, idle: tvsIdleMs },
  handshakesPerSecond: tvsHandshakesPerSecond,
  handshakeBurst: tvsHandshakeBurst,
};

/** What speaks TLS here; replaced as a whole when a certificate changes. */
export interface TvsCredentials {
  readonly identity: TvsIdentity;
  /** PEM of the CAs of phones' certificates: their names are told to clients, and what they issued is believed. */
  readonly clientIssuers: readonly string[];
}

export interface TvsServerOptions {
  readonly listen: readonly TvsListen[];
  readonly credentials: TvsCredentials;
  readonly answer: (request: TvsRequest, peer: TvsPeer) => TvsResponse;
  readonly onEvent: EventSink;
  /** A phone named itself, and asked. */
  readonly onHandshake?: ((seen: NewHandshake) => void) | undefined;
  readonly limits?: Partial<TvsLimits>;
}

export interface TvsServer {
  readonly addresses: readonly ListenAddress[];
  connections(): number;
  /** For handshakes from now on; connections that stand stay. */
  replaceCredentials(credentials: TvsCredentials): void;
  close(): Promise<void>;
}

/** Listens on every address or on none; Failure as base/listen-failure.ts has it. */
export async function startTvsServer(options: TvsServerOptions): Promise<TvsServer> {
  const limits = { ...tvsLimits, ...options.limits };
  const service = new TvsService(options, limits);
  const servers = options.listen.map(({ legacy }) => service.createServer(legacy));
  const close = async (): Promise<void> => {
    service.stop();
    await Promise.all(servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  };
  try {
    const addresses: ListenAddress[] = [];
    for (const [index, server] of servers.entries()) {
      const wanted = options.listen[index];
      assert(wanted !== undefined, 'a server for each address');
      const bound = await listen(server, wanted);
      addresses.push(bound);
      options.onEvent({ type: 'listening', service: 'tvs', ...bound });
    }
    return {
      addresses,
      connections: () => service.connections,
      replaceCredentials: (next) => {
        for (const [index, server] of servers.entries())
          server.setSecureContext(contextOptions(next, options.listen[index]?.legacy === true));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function contextOptions({ identity, clientIssuers }: TvsCredentials, legacy: boolean) {
  return {
    key: identity.keyPem,
    cert: identity.certPem,
    ca: [...clientIssuers],
    minVersion: legacy ? ('TLSv1' as const) : ('TLSv1.2' as const),
    ...(legacy ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
  };
}

/** Between two looks at the queue of handshakes. */
const gateTickMs = 10;

class TvsService {
  readonly #options: TvsServerOptions;
  readonly #limits: TvsLimits;
  readonly #table: ConnectionTable;
  readonly #gate: FairGate<{ readonly socket: Socket; readonly begin: () => void }>;
  readonly #sweep: NodeJS.Timeout;
  #gateTimer: NodeJS.Timeout | undefined;

  constructor(options: TvsServerOptions, limits: TvsLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#table = new ConnectionTable(limits, ({ socket, address, stage }) => {
      if (stage !== 'idle') this.#rejected(address, stage === 'handshake' ? 'no-handshake' : 'too-slow');
      socket.destroy();
    });
    const { handshakesPerSecond: perSecond, handshakeBurst: burst } = limits;
    this.#gate = new FairGate({ perSecond, burst }, performance.now());
    this.#sweep = setInterval(() => this.#table.sweep(performance.now()), tvsSweepMs);
  }

  get connections(): number {
    return this.#table.size;
  }

  stop(): void {
    clearInterval(this.#sweep);
    clearTimeout(this.#gateTimer);
    for (const socket of this.#table.sockets()) socket.destroy();
  }

  createServer(legacy: boolean): Server {
    const { credentials } = this.#options;
    const server = createServer({
      ...contextOptions(credentials, legacy),
      requestCert: true,
      // A phone without a certificate, or with one of a CA that nobody told us of, is answered too.
      rejectUnauthorized: false,
      // The table ends them first: it counts the wait for their turn too.
      handshakeTimeout: 2 * this.#limits.stageMs.handshake,
      pauseOnConnect: true,
      noDelay: true,
    });
    // The server's own listener for connections is what begins the handshake; it is called when it is their turn.
    const handshake = server.listeners('connection').at(-1);
    assert(handshake !== undefined, 'a TLS server listens for its connections');
    server.off('connection', handshake as (socket: Socket) => void);
    server.on('connection', (socket: Socket) =>
      this.#accept(socket, () => void Reflect.apply(handshake, server, [socket])),
    );
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (_error, socket) => {
      this.#rejected(plainAddress(socket.remoteAddress), 'no-tls');
      socket.destroy();
    });
    return server;
  }

  #accept(socket: Socket, begin: () => void): void {
    const key = keyOf(socket);
    if (key === undefined) {
      socket.destroy();
      return;
    }
    const address = plainAddress(socket.remoteAddress);
    // What breaks on the way breaks the connection; that is noticed by its end.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#table.remove(key));
    const gone = this.#table.add(key, socket, address, performance.now());
    gone?.socket.destroy();
    this.#gate.offer(address, { socket, begin });
    this.#admit();
  }

  #admit(): void {
    for (const { begin } of this.#gate.take(performance.now(), ({ socket }) => socket.destroyed)) begin();
    if (this.#gate.isEmpty || this.#gateTimer !== undefined) return;
    this.#gateTimer = setTimeout(() => {
      this.#gateTimer = undefined;
      this.#admit();
    }, gateTickMs);
  }

  #secured(tls: TLSSocket): void {
    const key = keyOf(tls);
    if (key === undefined) {
      tls.destroy();
      return;
    }
    const peer = { address: plainAddress(tls.remoteAddress), provedName: provedNameOf(tls) };
    const securedMs = performance.now();
    let hasAsked = false;
    const framer = new TvsFramer();
    const enter = (stage: ConnectionStage): void => this.#table.enter(key, stage, performance.now());
    const end = (reason: string): void => {
      this.#rejected(peer.address, reason);
      tls.destroy();
    };
    /** One message a turn, so that who sends many waits behind who sends one. */
    const work = (): void => {
      if (tls.destroyed) return;
      const next = framer.next();
      if (!next.ok) return end(next.error.code);
      const message = next.value;
      if (message === undefined) {
        enter(framer.heldBytes > 0 ? 'exchange' : 'idle');
        tls.resume();
        return;
      }
      if (message.command !== 'verify-request' && message.command !== 'query-request')
        return end('not-a-question');
      if (!hasAsked) this.#named(tls, securedMs);
      hasAsked = true;
      enter('exchange');
      const response = encodeTvsMessage(this.#options.answer(message, peer));
      // A peer that does not read its answers is asked no further: the next one begins when this one has gone.
      tls.write(response, () => setImmediate(work));
    };
    enter('idle');
    tls.on('error', () => tls.destroy());
    tls.on('data', (chunk: Buffer) => {
      framer.push(Uint8Array.from(chunk));
      tls.pause();
      work();
    });
    tls.resume();
  }

  #named(tls: TLSSocket, securedMs: number): void {
    const seen = seeHandshake('tvs', tls, securedMs);
    if (seen !== undefined) this.#options.onHandshake?.(seen);
  }

  #rejected(address: string, reason: string): void {
    this.#options.onEvent({ type: 'tvs-rejected', address, reason });
  }
}

/** The same for a connection and for the TLS on it; undefined when the peer has gone already. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  if (remoteAddress === undefined) return undefined;
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

function provedNameOf(tls: TLSSocket): string | undefined {
  if (!tls.authorized) return undefined;
  const name: unknown = tls.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function listen(server: Server, { address, port, fd }: TvsListen): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const shown = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    server.once('error', (error) => reject(listenFailure(error, 'TVS', shown)));
    server.listen(fd === undefined ? { host: address, port, backlog } : { fd }, () => {
      const bound = server.address() as AddressInfo;
      resolve({ address: bound.address, port: bound.port });
    });
  });
}

/** A site that boots connects at once. */
const backlog = 1_024;

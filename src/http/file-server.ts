/**
 * The socket under the phones' HTTP, with its limits (security.md §1): header size, time for a header and a request,
 * idle time, connections in all and per address. A client that is slow on purpose loses its connection and no more.
 */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { assert } from '../base/assert.ts';
import {
  httpConnectionsMax,
  httpConnectionsPerAddressMax,
  httpHeaderBytesMax,
  httpHeadersMs,
  httpIdleMs,
  httpKeepAliveMs,
  httpRequestMs,
} from '../base/limits.ts';
import { seeHandshake, type NewHandshake } from '../core/trust/seen-handshake.ts';
import type { DirectLane } from './direct-lane.ts';
import { plainAddress } from '../base/peer-address.ts';

export interface TlsOptions {
  readonly keyPem: string;
  /** The certificate, then its chain. */
  readonly certPem: string;
  /** Default TLSv1.2. Below it is the listener for old phones: with ciphers of OpenSSL's security level 0. */
  readonly minVersion?: SecureVersion | undefined;
}

export interface ServerOptions {
  readonly tls?: TlsOptions | undefined;
  /** Who may connect, asked once for each connection; everybody when absent. */
  readonly allows?: ((address: string) => boolean) | undefined;
  /** A phone named itself, and asked; of TLS only. */
  readonly onHandshake?: ((seen: NewHandshake) => void) | undefined;
}

export function createFileServer(
  { tls, allows = everybody, onHandshake }: ServerOptions,
  lane: DirectLane | undefined,
  listener: RequestListener,
): Server {
  const limits = {
    maxHeaderSize: httpHeaderBytesMax,
    headersTimeout: httpHeadersMs,
    requestTimeout: httpRequestMs,
    keepAliveTimeout: httpKeepAliveMs,
    connectionsCheckingInterval: httpHeadersMs / 4,
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(limits, listener)
      : createTlsServer({ ...limits, ...secureOptions(tls), handshakeTimeout: httpHeadersMs }, listener);
  server.maxConnections = httpConnectionsMax;
  server.setTimeout(httpIdleMs);
  if (lane !== undefined) putLaneFirst(server, lane);
  admitConnections(server, allows);
  if (tls !== undefined && onHandshake !== undefined) watchHandshakes(server, onHandshake);
  server.on('clientError', (_error, socket: Socket) => answerMalformed(socket));
  return server;
}

function secureOptions(tls: TlsOptions) {
  const minVersion = tls.minVersion ?? 'TLSv1.2';
  const isLegacy = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  return {
    key: tls.keyPem,
    cert: tls.certPem,
    minVersion,
    // A phone may prove who it is; whoever does not is served what everybody is.
    requestCert: true,
    rejectUnauthorized: false,
    ...(isLegacy ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
  };
}

/** Told with the first request. */
function watchHandshakes(server: Server, tell: (seen: NewHandshake) => void): void {
  const securedMs = new WeakMap<Socket, number>();
  server.on('secureConnection', (socket: TLSSocket) => securedMs.set(socket, performance.now()));
  server.on('request', ({ socket }) => {
    const atMs = securedMs.get(socket);
    if (atMs === undefined) return;
    securedMs.delete(socket);
    const seen = seeHandshake('https', socket as TLSSocket, atMs);
    if (seen !== undefined) tell(seen);
  });
}

/** The server's own listener for connections is what starts its parser; the lane calls it where it must. */
function putLaneFirst(server: Server, lane: DirectLane): void {
  const parse = server.listeners('connection').at(-1);
  assert(parse !== undefined, 'an HTTP server listens for its connections');
  server.off('connection', parse as (socket: Socket) => void);
  server.on('connection', (socket: Socket) => {
    lane.take(socket, () => {
      Reflect.apply(parse, server, [socket]);
    });
  });
}

const everybody = (): boolean => true;

/** Before a byte is read: a network that is not served, or a connection too many, is closed without a word. */
function admitConnections(server: Server, allows: (address: string) => boolean): void {
  const connections = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress);
    if (!allows(address)) {
      socket.destroy();
      return;
    }
    const count = (connections.get(address) ?? 0) + 1;
    connections.set(address, count);
    socket.once('close', () => {
      const left = (connections.get(address) ?? 1) - 1;
      if (left === 0) connections.delete(address);
      else connections.set(address, left);
    });
    if (count > httpConnectionsPerAddressMax) socket.destroy();
  });
}

/** One fixed answer for whatever the parser refuses; nothing of the request comes back. */
function answerMalformed(socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) socket.destroy();
  else socket.end(badRequest, () => socket.destroy());
}

const badRequestText = 'Bad request\n';
const badRequest =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n' +
  `Content-Length: ${badRequestText.length}\r\n\r\n${badRequestText}`;

/**
 * The short way through HTTP: whole, simple GET requests of plain connections are answered from memory straight on the
 * socket, without Node's parser and response objects, which cost three times the answer itself
 * (docs/decisions/http-direct-lane.md has the numbers).
 *
 * It recognises, it does not parse: one chunk that is exactly one HTTP/1.1 GET with well-formed header lines (RFC 9112
 * §3, §5), one Host, and no header that could change the answer. Anything else (cut or joined requests, other methods,
 * ranges, `Connection`, a body, names to decode, files not in memory, every miss) is handed to Node's HTTP server with
 * the bytes unread, once and for the rest of the connection. So a wrong refusal here costs time, nothing else.
 */
import type { Socket } from 'node:net';
import type { EventSink } from '../base/events.ts';
import { httpCloseMs, httpIdleMs, httpKeepAliveMs } from '../base/limits.ts';
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import type { Resolver } from '../core/ports.ts';
import { plainAddress } from '../base/peer-address.ts';

/** The edge's byte cache, or any resolver without one. */
export interface PeekingResolver extends Resolver {
  peek?(question: Pick<FileRequest, 'name' | 'transport'>): Resolution | undefined;
}

export interface DirectLane {
  /** Takes a fresh connection; `handOver` gives it to the HTTP server, with what was read put back. */
  take(socket: Socket, handOver: () => void): void;
  /** Ends its connections after what they are being sent, or after `httpCloseMs`. */
  close(): void;
}

export function createDirectLane(options: {
  readonly resolver: PeekingResolver;
  readonly onEvent: EventSink;
}): DirectLane {
  const open = new Set<Socket>();
  return {
    take(socket, handOver) {
      if (socket.destroyed) return;
      open.add(socket);
      runConnection(socket, options.resolver, options.onEvent, () => {
        open.delete(socket);
        handOver();
      });
      socket.once('close', () => open.delete(socket));
    },
    close() {
      for (const socket of open) socket.destroySoon();
      setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, httpCloseMs).unref();
    },
  };
}

function runConnection(
  socket: Socket,
  resolver: PeekingResolver,
  onEvent: EventSink,
  handOver: () => void,
): void {
  const address = plainAddress(socket.remoteAddress);
  const port = socket.remotePort ?? 0;
  let silentMs = 0;

  const onData = (chunk: Buffer): void => {
    const name = recognise(chunk);
    if (name === undefined) {
      leave(chunk);
      return;
    }
    const known = resolver.peek?.({ name, transport: 'http' });
    if (known === undefined) resolveFirst(name, chunk);
    else answer(name, chunk, known, performance.now());
  };

  const resolveFirst = (name: string, chunk: Buffer): void => {
    const begunMs = performance.now();
    socket.pause();
    resolver.resolve({ name, transport: 'http', address, port }).then(
      (resolution) => {
        if (!socket.destroyed && answer(name, chunk, resolution, begunMs)) socket.resume();
      },
      () => leave(chunk),
    );
  };

  /** False when the connection was handed over. */
  const answer = (name: string, chunk: Buffer, resolution: Resolution, begunMs: number): boolean => {
    if (resolution.kind !== 'served' || resolution.content.kind !== 'memory') {
      leave(chunk);
      return false;
    }
    const { bytes } = resolution.content;
    socket.cork();
    socket.write(headOf(bytes.length), 'latin1');
    const drained = socket.write(bytes, (error) => {
      silentMs = 0;
      if (error) return;
      const durationMs = performance.now() - begunMs;
      onEvent({
        type: 'file-served',
        transport: 'http',
        address,
        name,
        bytes: bytes.length,
        durationMs,
        retransmits: 0,
        by: resolution.by,
      });
    });
    socket.uncork();
    // Who asks and does not read is not read from: at most one answer waits per connection.
    if (!drained) socket.pause().once('drain', () => socket.resume());
    return true;
  };

  const leave = (chunk: Buffer): void => {
    if (socket.destroyed) return;
    socket.off('data', onData).off('timeout', onTimeout).off('error', onError).off('end', onEnd);
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(chunk);
    handOver();
    socket.resume();
  };

  /** Idle between requests is over after the keep-alive time, a reader that stands still after the idle time. */
  const onTimeout = (): void => {
    silentMs += httpKeepAliveMs;
    if (socket.writableLength === 0 || silentMs >= httpIdleMs) socket.destroy();
  };
  const onError = (): void => void socket.destroy();
  const onEnd = (): void => socket.destroySoon();

  socket.on('data', onData).on('timeout', onTimeout).on('error', onError).on('end', onEnd);
  socket.setTimeout(httpKeepAliveMs);
}

/** A phone's request is under 300 bytes. */
const requestBytesMax = 2_048;

/** The name in a simple request, or `undefined`. */
function recognise(chunk: Buffer): string | undefined {
  if (chunk.length > requestBytesMax) return undefined;
  const match = simpleRequest.exec(chunk.toString('latin1'));
  const [, name, headers] = match ?? [];
  if (name === undefined || headers === undefined || changesAnswer.test(headers)) return undefined;
  const host = oneHost.exec(headers);
  return host === null || oneHost.test(headers.slice(host.index + host[0].length)) ? undefined : name;
}

const simpleRequest =
  /^GET \/([\w./-]+) HTTP\/1\.1\r\n((?:[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n$/;
const oneHost = /(?:^|\n)host:/i;
const changesAnswer =
  /(?:^|\n)(?:range|if-|connection|keep-alive|content-length|transfer-encoding|expect|upgrade|te|trailer|proxy-|x-tftp-pki-hop)/i;

const fixedHead =
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\n' +
  `Accept-Ranges: bytes\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${httpKeepAliveMs / 1000}\r\nDate: `;

function headOf(size: number): string {
  return `${fixedHead}${currentDate()}\r\nContent-Length: ${size}\r\n\r\n`;
}

const dateCache = { second: 0, text: '' };

/** IMF-fixdate (RFC 9110 §5.6.7), made once a second. */
function currentDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateCache.second) {
    dateCache.second = second;
    dateCache.text = new Date(second * 1000).toUTCString();
  }
  return dateCache.text;
}

/**
 * The phones' HTTP: files over 6970 and, with TLS, 6971 and 6972, from the same chain as TFTP (formats.md §6).
 *
 * GET and HEAD of one file, whole or one range of it, never a listing, never a cached answer. Everything else is
 * 404 or 405 with a fixed text; unknown, forbidden and refused names cannot be told apart. `retry` is 503 with
 * Retry-After: 2 (design.md §2). Nothing that a client sends comes back in an answer.
 */
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AddressInfo } from 'node:net';
import type { EventSink } from '../base/events.ts';
import { listenFailure } from '../base/listen-failure.ts';
import type { FileOpener } from '../core/ports.ts';
import { createAnswerer, sendBusy } from './answer.ts';
import { createDirectLane } from './direct-lane.ts';
import type { PeekingResolver } from './direct-lane.ts';
import { createFileServer } from './file-server.ts';
import type { ServerOptions } from './file-server.ts';

/** With `tls` it is 6971: requests then carry the transport `https`. */
export interface FileHttpOptions extends ServerOptions {
  /** `fd`: the listening socket, when somebody else opened it. */
  readonly listen: { readonly address: string; readonly port: number; readonly fd?: number | undefined };
  readonly resolver: PeekingResolver;
  readonly opener: FileOpener;
  readonly onEvent: EventSink;
}

export interface FileHttp {
  readonly address: string;
  readonly port: number;
  /** Stops accepting and closes every connection. */
  close(): Promise<void>;
}

/** Failure `address-in-use`, `address-unavailable` or `permission-denied` when it cannot listen. */
export async function startFileHttp(options: FileHttpOptions): Promise<FileHttp> {
  const service = options.tls === undefined ? 'http' : 'https';
  const app = createApp(options, service);
  const { address, port, fd } = options.listen;
  try {
    await app.listen({ host: address, port, ...(fd === undefined ? {} : { fd }) });
  } catch (error) {
    await app.close();
    const shown = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    throw listenFailure(error, service, shown);
  }
  const bound = app.server.address() as AddressInfo;
  options.onEvent({ type: 'listening', service, address: bound.address, port: bound.port });
  return { address: bound.address, port: bound.port, close: () => app.close() };
}

function createApp(options: FileHttpOptions, transport: 'http' | 'https'): FastifyInstance {
  const { resolver, opener, onEvent } = options;
  const answer = createAnswerer({ resolver, opener, onEvent, transport });
  // TLS costs more than Node's HTTP does: there the short way would gain nothing.
  const lane = options.tls === undefined ? createDirectLane(options) : undefined;
  const app = fastify({
    serverFactory: (route) => createFileServer(options, lane, route),
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    // A target that the router cannot decode is a name like any other: unknown.
    frameworkErrors: (_error, request, reply) => void answer(request, reply as FastifyReply),
  });
  app.addHook('preClose', async () => lane?.close());
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  // Routing by path is the chain's business: every path, however it is spelt, comes here undecoded.
  app.setNotFoundHandler(answer);
  app.setErrorHandler((error, request, reply) => {
    const reason = error instanceof Error ? error.message : String(error);
    onEvent({ type: 'link-failed', link: transport, name: request.raw.url ?? '', reason });
    return sendBusy(reply);
  });
  return app;
}

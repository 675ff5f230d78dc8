/**
 * `/metrics` for Prometheus and `/health` for whoever restarts us, on a loopback address. Health is 200 while the
 * given question is answered with nothing, else 503 with the reason. Everything else is 404.
 */
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EventSink } from '../base/events.ts';
import { httpHeaderBytesMax, httpHeadersMs, httpRequestMs } from '../base/limits.ts';
import { listenFailure } from '../base/listen-failure.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServerOptions {
  readonly listen: { readonly address: string; readonly port: number };
  readonly metrics: Pick<Metrics, 'scrape'>;
  /** What is wrong now, in words; `undefined` while nothing is. */
  readonly health: () => string | undefined;
  readonly onEvent: EventSink;
}

export interface MetricsServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const limits = {
    maxHeaderSize: httpHeaderBytesMax,
    headersTimeout: httpHeadersMs,
    requestTimeout: httpRequestMs,
  };
  const server = createServer(limits, (request, response) => {
    answer(options, request.method, request.url, response).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      options.onEvent({ type: 'warning', topic: 'metrics', message: reason });
      response.destroy();
    });
  });
  server.maxConnections = connectionsMax;
  const { address, port } = options.listen;
  await listening(server, address, port);
  const bound = server.address() as AddressInfo;
  options.onEvent({ type: 'listening', service: 'metrics', address: bound.address, port: bound.port });
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A scraper and a watchdog; more is somebody else. */
const connectionsMax = 64;

async function answer(
  options: MetricsServerOptions,
  method: string | undefined,
  url: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const end = (status: number, contentType: string, text: string) => {
    response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
    response.end(text);
  };
  if (method !== 'GET') end(405, 'text/plain', 'Only GET is served\n');
  else if (url === '/metrics') {
    const { text, contentType } = await options.metrics.scrape();
    end(200, contentType, text);
  } else if (url === '/health') {
    const trouble = options.health();
    end(trouble === undefined ? 200 : 503, 'text/plain', `${trouble ?? 'ok'}\n`);
  } else end(404, 'text/plain', 'Not found\n');
}

async function listening(server: Server, address: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const shown = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
      reject(listenFailure(error, 'metrics', shown));
    });
    server.listen({ host: address, port }, () => resolve());
  });
}

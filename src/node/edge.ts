/**
 * The edge: sockets, packet engine, HTTP and the byte cache in front of one question, `resolve`. It holds no trust
 * key and opens no database; what it can do is ask for names (design.md §2).
 */
import { assert } from '../base/assert.ts';
import type { Event, EventSink } from '../base/events.ts';
import type { Config } from '../config/schema.ts';
import type { Resolver } from '../core/ports.ts';
import type { NewHandshake } from '../core/trust/seen-handshake.ts';
import { NoiseGate } from '../core/noise-gate.ts';
import { isWithin, parseNetworks } from '../core/tftp/network.ts';
import { createByteCache } from '../files/byte-cache.ts';
import { fileOpener } from '../files/open-file.ts';
import { startFileHttp } from '../http/file-app.ts';
import type { ListenAddress } from '../net/engine.ts';
import type { HandedService, HandedSocket, WantedSocket } from '../net/handed-sockets.ts';
import { startTftpServer, type TftpServer } from '../net/tftp-server.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';

/** The TLS identity of 6971: the TFTP-EC certificate and its key, the only key the edge ever has. */
export interface EdgeIdentity {
  readonly keyPem: string;
  readonly certPem: string;
}

/** What changes with what is served. */
export interface EdgeMoment {
  /** A key is being renewed: what phones took of the lists is to be proved (core/tftp/own-ports.ts). */
  readonly renewing: boolean;
}

/** What an edge is told at its start; plain values that cross the pipe. */
export interface EdgeSettings extends EdgeMoment {
  readonly config: Config;
  readonly identity: EdgeIdentity | undefined;
  /** Bound already; undefined: the edge binds what the configuration names. */
  readonly sockets: readonly HandedSocket[] | undefined;
  readonly logTo: LogStream;
}

export type LogStream = 'stdout' | 'stderr';

export interface EdgeOptions extends EdgeSettings {
  readonly resolver: Resolver;
  readonly onEvent: EventSink;
  readonly onHandshake?: ((seen: NewHandshake) => void) | undefined;
}

export interface ListeningAt {
  readonly service: 'tftp' | 'http' | 'https' | 'metrics' | 'tvs' | 'tvs-metrics';
  readonly address: string;
  readonly port: number;
}

export interface Edge {
  readonly listening: readonly ListeningAt[];
  /** Forgets what the byte caches hold. */
  changed(moment: EdgeMoment): void;
  /** An event of the back, for the metrics only. */
  count(event: Event): void;
  /** Networks, limits and log from now on; what listens stays as it is. */
  reconfigure(config: Config): void;
  /** Lets running transfers end for a moment, then closes everything. */
  close(): Promise<void>;
}

/** Listens everywhere or, after a Failure, nowhere. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { config } = options;
  const metrics = createMetrics();
  const onEvent: EventSink = (event) => {
    metrics.sink(event);
    options.onEvent(event);
  };
  const cache = createByteCache({ resolver: options.resolver });
  const closing: (() => Promise<void>)[] = [];
  const listening: ListeningAt[] = [];
  let tftp: TftpServer | undefined;
  const callers = httpCallers(config, onEvent);
  try {
    tftp = await startTftp(options, cache, onEvent);
    if (tftp !== undefined) {
      const server = tftp;
      server.renewing(options.renewing);
      closing.push(() => server.close());
      listening.push(
        ...server.addresses.map(({ address, port }) => ({ service: 'tftp' as const, address, port })),
      );
      metrics.addGauge('tftp_transfers', 'Transfers running now.', () => server.stats().transfers);
    }
    for (const wanted of httpServers(options)) {
      const server = await startFileHttp({
        ...wanted,
        allows: callers.allows,
        resolver: cache,
        opener: fileOpener,
        onEvent,
        onHandshake: options.onHandshake,
      });
      closing.push(() => server.close());
      listening.push({ service: wanted.tls ? 'https' : 'http', address: server.address, port: server.port });
    }
    if (config.metrics.listen !== undefined) {
      const server = await startMetricsServer({
        listen: config.metrics.listen,
        metrics,
        health: () => undefined,
        onEvent,
      });
      closing.push(() => server.close());
      listening.push({ service: 'metrics', address: server.address, port: server.port });
    }
  } catch (error) {
    await Promise.all(closing.map((close) => close()));
    throw error;
  }
  return {
    listening,
    changed({ renewing }) {
      cache.invalidate();
      tftp?.renewing(renewing);
    },
    count: metrics.sink,
    reconfigure(next) {
      tftp?.reconfigure(admissionOf(next));
      callers.reconfigure(next);
    },
    close: async () => void (await Promise.all(closing.map((close) => close()))),
  };
}

type Cache = ReturnType<typeof createByteCache>;

async function startTftp(
  settings: EdgeSettings,
  resolver: Cache,
  onEvent: EventSink,
): Promise<TftpServer | undefined> {
  const { tftp } = settings.config;
  const listen = listenOf(settings, 'tftp');
  if (listen.length === 0) return undefined;
  return startTftpServer({
    listen,
    ports: tftp.ports,
    proofPorts: tftp.proofPorts === 'none' ? undefined : tftp.proofPorts,
    engine: tftp.engine,
    dscp: tftp.dscp,
    resolver,
    onInvalidate: (listener) => resolver.onInvalidate(listener),
    ...admissionOf(settings.config),
    onEvent,
  });
}

/** Whose connections HTTP takes; a refusal is told, not answered. */
function httpCallers(config: Config, onEvent: EventSink) {
  const gate = new NoiseGate();
  const refused = { transport: 'http', name: '', outcome: 'not-allowed', quiet: false } as const;
  let allowed = parseNetworks(config.http.allow);
  return {
    allows: (address: string): boolean => {
      if (isWithin(allowed, address)) return true;
      if (gate.admits(performance.now()))
        onEvent({ type: 'file-not-served', ...refused, address, reason: 'network not allowed' });
      return false;
    },
    reconfigure: (next: Config) => void (allowed = parseNetworks(next.http.allow)),
  };
}

function admissionOf({ tftp }: Config) {
  const { blksizeMax, windowsizeMax } = tftp;
  return { allow: parseNetworks(tftp.allow), limits: { ...tftp.limits, blksizeMax, windowsizeMax } };
}

/** Every place that the configuration names, as it would be handed over. */
export function wantedSockets({ tftp, http, https }: Config): readonly WantedSocket[] {
  const places = {
    tftp: tftp.listen,
    http: http.listen,
    https: https.listen,
    'https-legacy': https.legacyListen,
  };
  return Object.entries(places).flatMap(([service, list]) =>
    list.map(({ address, port }) => ({ service: service as HandedService, address, port })),
  );
}

function listenOf({ config, sockets }: EdgeSettings, service: HandedService): readonly ListenAddress[] {
  return (sockets ?? wantedSockets(config)).filter((socket) => socket.service === service);
}

function httpServers(settings: EdgeSettings) {
  const { identity } = settings;
  const plain = listenOf(settings, 'http').map((listen) => ({ listen, tls: undefined }));
  const modern = listenOf(settings, 'https');
  const legacy = listenOf(settings, 'https-legacy');
  assert(identity !== undefined || modern.length + legacy.length === 0, 'TLS needs an identity');
  if (identity === undefined) return plain;
  return [
    ...plain,
    ...modern.map((listen) => ({ listen, tls: identity })),
    ...legacy.map((listen) => ({ listen, tls: { ...identity, minVersion: 'TLSv1' as const } })),
  ];
}

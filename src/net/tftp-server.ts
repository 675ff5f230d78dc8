/** The TFTP server as the node starts it: settings completed with defaults, an engine chosen. */
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import { defaultAllowedNetworks } from '../core/tftp/admission.ts';
import { defaultEndpointLimits, type EndpointLimits } from '../core/tftp/endpoint.ts';
import type { Network } from '../core/tftp/network.ts';
import { startDgramEngine } from './dgram-engine.ts';
import type { EngineStats, ListenAddress, Ports, StartEngine } from './engine.ts';

export type EngineName = 'dgram';

export interface TftpServerOptions {
  readonly listen: readonly ListenAddress[];
  /** Default `single`. */
  readonly ports?: Ports;
  /** Default `dgram`. */
  readonly engine?: EngineName;
  readonly resolver: Resolver;
  /** Networks that may ask; default loopback, private and link-local. */
  readonly allow?: readonly Network[];
  /** What differs from core/tftp/endpoint.ts's defaults. */
  readonly limits?: Partial<EndpointLimits>;
  readonly onEvent: EventSink;
}

export interface TftpServer {
  readonly engine: EngineName;
  readonly addresses: readonly ListenAddress[];
  stats(): EngineStats;
  /** Graceful: running transfers may end for `graceMs` (default 2,000); no request is taken any more. */
  close(graceMs?: number): Promise<void>;
}

const engines: Readonly<Record<EngineName, StartEngine>> = { dgram: startDgramEngine };

/** Failure `address-in-use`, `address-unavailable` or `permission-denied` when it cannot listen on every address. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const name = options.engine ?? 'dgram';
  const engine = await engines[name]({
    listen: options.listen,
    ports: options.ports ?? 'single',
    resolver: options.resolver,
    allow: options.allow ?? defaultAllowedNetworks,
    limits: { ...defaultEndpointLimits, ...options.limits },
    onEvent: options.onEvent,
  });
  return {
    engine: name,
    addresses: engine.addresses,
    stats: () => engine.stats(),
    close: (graceMs = 2000) => engine.close(graceMs),
  };
}

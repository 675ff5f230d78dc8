/** The TFTP server as the node starts it: settings completed with defaults, an engine chosen. */
import { Failure } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import { defaultAllowedNetworks } from '../core/tftp/admission.ts';
import { defaultEndpointLimits, type EndpointLimits } from '../core/tftp/endpoint-limits.ts';
import type { Network } from '../core/tftp/network.ts';
import { startDgramEngine } from './dgram-engine.ts';
import type { EngineOptions, EngineStats, ListenAddress, Ports, TftpEngine } from './engine.ts';
import { EngineUnsupported, startMmsgEngine } from './mmsg/engine.ts';

export type EngineName = TftpEngine['name'];

export interface TftpServerOptions {
  readonly listen: readonly ListenAddress[];
  /** Default `single`. */
  readonly ports?: Ports;
  /** `auto`: `mmsg` where it runs, else `dgram` with a warning that says why. Default `dgram`. */
  readonly engine?: EngineName | 'auto';
  readonly resolver: Resolver;
  /** Networks that may ask; default loopback, private and link-local. */
  readonly allow?: readonly Network[];
  /** What differs from core/tftp/endpoint-limits.ts's defaults. */
  readonly limits?: Partial<EndpointLimits>;
  readonly onEvent: EventSink;
  /** As EngineOptions has them. */
  readonly dscp?: number;
  readonly onInvalidate?: EngineOptions['onInvalidate'];
}

export interface TftpServer {
  readonly engine: EngineName;
  readonly addresses: readonly ListenAddress[];
  stats(): EngineStats;
  /** What is left out goes back to its default. */
  reconfigure(options: Pick<TftpServerOptions, 'allow' | 'limits'>): void;
  /** Graceful: running transfers may end for `graceMs` (default 2,000); no request is taken any more. */
  close(graceMs?: number): Promise<void>;
}

/** Failure `address-in-use`, `address-unavailable` or `permission-denied` when it cannot listen on every address. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const engine = await startEngine(options.engine ?? 'dgram', {
    listen: options.listen,
    ports: options.ports ?? 'single',
    resolver: options.resolver,
    ...admissionOf(options),
    onEvent: options.onEvent,
    dscp: options.dscp ?? 0,
    onInvalidate: options.onInvalidate,
  });
  return {
    engine: engine.name,
    addresses: engine.addresses,
    stats: () => engine.stats(),
    reconfigure: (changed) => engine.reconfigure(admissionOf(changed)),
    close: (graceMs = 2000) => engine.close(graceMs),
  };
}

function admissionOf({ allow, limits }: Pick<TftpServerOptions, 'allow' | 'limits'>) {
  return { allow: allow ?? defaultAllowedNetworks, limits: { ...defaultEndpointLimits, ...limits } };
}

async function startEngine(name: EngineName | 'auto', options: EngineOptions): Promise<TftpEngine> {
  if (name === 'dgram') return startDgramEngine(options);
  try {
    return await startMmsgEngine(options);
  } catch (error) {
    if (!(error instanceof EngineUnsupported)) throw error;
    if (name === 'mmsg')
      throw new Failure('refused', `the mmsg engine cannot run: ${error.message}`, {
        hint: 'Choose --engine dgram, or auto.',
        cause: error,
      });
    const message = `the portable packet engine is used: ${error.message}`;
    options.onEvent({ type: 'warning', topic: 'packet-engine', message });
    return startDgramEngine(options);
  }
}

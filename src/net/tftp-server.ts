/** The TFTP server as the node starts it: settings completed with defaults, an engine chosen. */
import { Failure } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import { defaultAllowedNetworks } from '../core/tftp/admission.ts';
import { defaultEndpointLimits, type EndpointLimits } from '../core/tftp/endpoint-limits.ts';
import type { Network } from '../core/tftp/network.ts';
import { ownPortsMax, ownPortsPerAddressMax } from '../base/limits-own-ports.ts';
import { createHandedTransfers, startDgramEngine, type HandedTransfers } from './dgram-engine.ts';
import type { EngineOptions, EngineStats, ListenAddress, Ports, TftpEngine } from './engine.ts';
import { EngineUnsupported, startMmsgEngine } from './mmsg/engine.ts';

export type EngineName = TftpEngine['name'];

export interface TftpServerOptions {
  readonly listen: readonly ListenAddress[];
  /** Default `single`. */
  readonly ports?: Ports;
  /** For `single`: the range of what leaves from a port of its own while `renewing`; without it nothing does. */
  readonly proofPorts?: Exclude<Ports, 'single'> | undefined;
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
  /** A key is being renewed, or no longer: core/tftp/own-ports.ts says what follows. Ports other than `single` stay. */
  renewing(isRenewing: boolean): void;
  /** Graceful: running transfers may end for `graceMs` (default 2,000); no request is taken any more. */
  close(graceMs?: number): Promise<void>;
}

/** Failure `address-in-use`, `address-unavailable` or `permission-denied` when it cannot listen on every address. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const { resolver, onEvent, ports = 'single', proofPorts } = options;
  const whose = { resolver, onEvent, ...admissionOf(options) };
  let handed: HandedTransfers | undefined;
  let handsOver = false;
  const engine = await startEngine(options.engine ?? 'dgram', {
    ...whose,
    listen: options.listen,
    ports,
    dscp: options.dscp ?? 0,
    onInvalidate: options.onInvalidate,
    onHandOver: (request) => handed?.take(request),
  });
  if (ports === 'single' && proofPorts !== undefined)
    handed = createHandedTransfers({
      ...whose,
      limits: handedLimits(whose.limits),
      ports: proofPorts,
      onUnreached: (address) => engine.unreached(address),
    });
  return {
    engine: engine.name,
    addresses: engine.addresses,
    stats: () => sumOf(engine.stats(), handed?.stats()),
    reconfigure(changed) {
      const { allow, limits } = admissionOf(changed);
      engine.reconfigure({ allow, limits });
      handed?.reconfigure({ allow, limits: handedLimits(limits) });
    },
    renewing(isRenewing) {
      const wanted = isRenewing && handed !== undefined;
      if (wanted !== handsOver) engine.renewing(wanted);
      handsOver = wanted;
    },
    close: async (graceMs = 2000) =>
      void (await Promise.all([engine.close(graceMs), handed?.close(graceMs)])),
  };
}

function handedLimits(limits: EndpointLimits): EndpointLimits {
  const { transfersMax, transfersPerAddressMax } = limits;
  return {
    ...limits,
    transfersMax: Math.min(transfersMax, ownPortsMax),
    transfersPerAddressMax: Math.min(transfersPerAddressMax, ownPortsPerAddressMax),
  };
}

/** What was handed over is one request; its packets are those of both. */
function sumOf(engine: EngineStats, handed: EngineStats | undefined): EngineStats {
  if (handed === undefined) return engine;
  const names = Object.keys(engine) as (keyof EngineStats)[];
  const sums = names.map((name) => [name, engine[name] + (name === 'requests' ? 0 : handed[name])]);
  return Object.fromEntries(sums) as EngineStats;
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

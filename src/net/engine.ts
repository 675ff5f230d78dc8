/**
 * What a packet engine is: the sockets and timers around core/tftp/endpoint.ts. Engines differ in how packets
 * reach the kernel (`dgram`: Node's sockets; `mmsg`: recvmmsg and sendmmsg), never in what they mean:
 * one conformance suite runs on all of them (test/conformance/engines.ts).
 */
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import type { EndpointCounters, EndpointLimits } from '../core/tftp/endpoint-limits.ts';
import type { Network } from '../core/tftp/network.ts';

export interface ListenAddress {
  /** IPv4 or IPv6, no name. */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** The socket, when somebody else bound it (handed-sockets.ts). */
  readonly fd?: number | undefined;
}

/** `single`: answers leave from the listening port. A range: each transfer has a port of its own in it (RFC 1350 §4). */
export type Ports = 'single' | { readonly low: number; readonly high: number };

/** A request that a single-port engine took and that is to be answered from a port of its own. */
export interface HandedRequest {
  /** The address that was asked; a wildcard where the engine cannot tell. */
  readonly local: string;
  readonly address: string;
  readonly port: number;
  /** The RRQ as it came. */
  readonly bytes: Uint8Array;
}

export interface EngineOptions {
  readonly listen: readonly ListenAddress[];
  readonly ports: Ports;
  readonly resolver: Resolver;
  readonly allow: readonly Network[];
  readonly limits: EndpointLimits;
  readonly onEvent: EventSink;
  /** Differentiated services code point of replies, 0 to 63 (RFC 2474); `mmsg` only. */
  readonly dscp?: number;
  /** Calls the listener when answers given before may no longer be repeated; gives its removal. */
  readonly onInvalidate?: ((listener: () => void) => () => void) | undefined;
  /** Takes what core/tftp/own-ports.ts does not leave to the single port. */
  readonly onHandOver: (request: HandedRequest) => void;
}

export interface EngineStats extends Readonly<EndpointCounters> {
  /** Running now. */
  readonly transfers: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly sendErrors: number;
}

export interface TftpEngine {
  readonly name: 'dgram' | 'mmsg';
  /** Where it listens, ports as bound, in the order of the options. */
  readonly addresses: readonly ListenAddress[];
  stats(): EngineStats;
  /** Limits and networks for requests from now on; nothing is lost and no socket moves. */
  reconfigure(options: Pick<EngineOptions, 'limits' | 'allow'>): void;
  /** Whether what tells of phones' lists is handed over from now on; single port only. */
  renewing(isRenewing: boolean): void;
  /** A request of this address was handed over in vain. */
  unreached(address: string): void;
  /** Takes no new request, lets transfers end for up to `graceMs`, tells the rest `busy, try again`. */
  close(graceMs: number): Promise<void>;
}

/** Listens on every address or on none; Failure as base/listen-failure.ts has it. */
export type StartEngine = (options: EngineOptions) => Promise<TftpEngine>;

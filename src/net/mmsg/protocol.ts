/**
 * What the engine's worker and the main thread tell each other. Bytes cross in shared memory, everything else
 * by structured clone; both directions travel in batches, because a message costs more than a packet.
 */
import type { Event } from '../../base/events.ts';
import type { FileContent } from '../../core/files/resolution.ts';
import type { EngineStats, HandedRequest, ListenAddress } from '../engine.ts';
import type { Network } from '../../core/tftp/network.ts';
import type { Decline } from '../../core/tftp/endpoint-effect.ts';
import type { EndpointCounters, EndpointLimits } from '../../core/tftp/endpoint-limits.ts';

export interface WorkerOptions {
  readonly listen: readonly ListenAddress[];
  readonly limits: EndpointLimits;
  readonly allowed: readonly Network[];
  readonly dscp: number;
  readonly receiveBufferBytes: number;
  readonly imageBytes: number;
  readonly cacheBytesMax: number;
  /** A Float64Array in the order of `statNames`, written by the worker. */
  readonly stats: SharedArrayBuffer;
  /** An Int32Array of one: the number of reports the main thread has dealt with. */
  readonly reportsDone: SharedArrayBuffer;
}

export interface Ask {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The hop mark of a proxy in front of us. */
  readonly hop?: string | undefined;
}

/** As the worker knows it; `local` is undefined where the socket `socket` has one address. */
export interface Handed extends Omit<HandedRequest, 'local'> {
  readonly socket: number;
  readonly local: string | undefined;
}

/** The answer to the ask `id`; `requesterOnly`: nobody else who waits for the same name is given it. */
export type Answer = { readonly requesterOnly?: boolean } & (
  | {
      readonly id: number;
      readonly kind: 'memory';
      /** The same number for the same bytes, so that packets made of them are kept. */
      readonly content: number;
      readonly bytes: Uint8Array;
      readonly by: string;
      readonly freshForMs: number;
    }
  | { readonly id: number; readonly kind: 'file'; readonly content: FileContent; readonly by: string }
  | { readonly id: number; readonly kind: 'none'; readonly outcome: Decline; readonly reason: string }
);

export type ToWorker =
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  | { readonly kind: 'invalidate' }
  | { readonly kind: 'renewing'; readonly isRenewing: boolean }
  | { readonly kind: 'unreached'; readonly address: string }
  | { readonly kind: 'reconfigure'; readonly limits: EndpointLimits; readonly allowed: readonly Network[] }
  /** Running transfers may end for `graceMs`; nobody new is heard. */
  | { readonly kind: 'stop'; readonly graceMs: number };

export interface BoundSocket {
  readonly address: string;
  readonly port: number;
  readonly receiveBufferBytes: number;
}

export interface Report {
  readonly asks: readonly Ask[];
  readonly handed: readonly Handed[];
  readonly events: readonly Event[];
}

export type FromWorker =
  /** `wakeFd`: eight bytes, a little-endian 1, written to it end the worker's sleep. */
  | { readonly kind: 'listening'; readonly sockets: readonly BoundSocket[]; readonly wakeFd: number }
  /** A socket could not be opened; `code` is the system's name of the error. */
  | { readonly kind: 'refused'; readonly index: number; readonly call: string; readonly code: string }
  | { readonly kind: 'unsupported'; readonly reason: string }
  | ({ readonly kind: 'report' } & Report)
  | { readonly kind: 'stopped' };

/** The numbers in `WorkerOptions.stats`: first the endpoint's, then those of the packets. */
export const counterNames = [
  'requests',
  'served',
  'bytesServed',
  'retransmits',
  'strays',
  'malformed',
  'notAllowed',
  'writesRefused',
  'busy',
  'evicted',
  'paced',
] as const satisfies readonly (keyof EndpointCounters)[];

export const statNames = [
  ...counterNames,
  'transfers',
  'packetsReceived',
  'packetsSent',
  'bytesSent',
  'sendErrors',
] as const satisfies readonly (keyof EngineStats)[];

/** Fails to compile when EngineStats has a number that `statNames` lacks. */
export type EveryStat = Exclude<keyof EngineStats, (typeof statNames)[number]> extends never ? true : never;

/**
 * The pipe between edge and back (design.md §2): one RPC, resolve(request) → Resolution, and the edge's life.
 * The edge is exposed to the network and is believed nothing: it can name a file and say who asks, it can never
 * hand over bytes to sign. Whatever else comes through the pipe is refused by `readEdgeMessage`.
 */
import type { Event } from '../base/events.ts';
import type { Config } from '../config/schema.ts';
import { readHop } from '../core/cluster/hop.ts';
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import { certificateBytesMax, heardPerMessageMax, requestBytesMax } from '../base/limits.ts';
import type { Observation } from '../core/trust/belief-book.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import type { EdgeMoment, EdgeSettings, ListeningAt } from './edge.ts';
import { readHandshakes } from './handshakes.ts';
import type { Heard } from './heard.ts';

/**
 * Requests of one edge that the back works on at once; a storm of 10,000 phones fits. Above it the edge is silent and
 * phones repeat; a hostile edge is cut off.
 */
export const resolvesInFlightMax = 16_384;

export type BackToEdge =
  | { readonly type: 'start'; readonly settings: EdgeSettings }
  | { readonly type: 'resolution'; readonly id: number; readonly resolution: Resolution }
  | { readonly type: 'reconfigure'; readonly config: Config }
  /** What the byte caches hold may be out of date. */
  | ({ readonly type: 'changed' } & EdgeMoment)
  /** Something happened in the back that the metrics count; they are read at the edge. */
  | { readonly type: 'count'; readonly event: Event }
  | { readonly type: 'stop' };

export type EdgeToBack =
  | { readonly type: 'started'; readonly listening: readonly ListeningAt[] }
  | { readonly type: 'stopped' }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly type: 'resolve'; readonly id: number; readonly request: FileRequest }
  | { readonly type: 'heard'; readonly heard: Heard }
  | { readonly type: 'handshakes'; readonly seen: readonly SeenHandshake[] };

const transports: ReadonlySet<string> = new Set(['tftp', 'http', 'https']);
const services: ReadonlySet<string> = new Set([...transports, 'metrics']);

/** `undefined` for anything the protocol does not know, however it is made. */
export function readEdgeMessage(message: unknown): EdgeToBack | undefined {
  if (!isRecord(message)) return undefined;
  switch (message['type']) {
    case 'started': {
      const listening = readListening(message['listening']);
      return listening && { type: 'started', listening };
    }
    case 'stopped':
      return { type: 'stopped' };
    case 'failed': {
      const { code, message: text, hint } = message;
      if (typeof code !== 'string' || typeof text !== 'string') return undefined;
      const cut = (value: string): string => value.slice(0, 1_024);
      return {
        type: 'failed',
        code,
        message: cut(text),
        hint: typeof hint === 'string' ? cut(hint) : undefined,
      };
    }
    case 'resolve': {
      const request = readRequest(message['request']);
      const id = message['id'];
      return request && isCount(id) ? { type: 'resolve', id, request } : undefined;
    }
    case 'heard': {
      const heard = readHeard(message['heard']);
      return heard && { type: 'heard', heard };
    }
    case 'handshakes': {
      const seen = readHandshakes(message['seen'], 'https');
      return seen && { type: 'handshakes', seen };
    }
    default:
      return undefined;
  }
}

function readHeard(value: unknown): Heard | undefined {
  if (!isRecord(value) || typeof value['lostCount'] !== 'boolean') return undefined;
  const { seen, lostCount } = value;
  if (!Array.isArray(seen) || seen.length > heardPerMessageMax) return undefined;
  const read = seen.map(readObservation);
  return read.every((each) => each !== undefined) ? { seen: read, lostCount } : undefined;
}

function readObservation(value: unknown): Observation | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, name, address, transport, proved, durationMs } = value;
  if ((kind !== 'asked' && kind !== 'delivered') || typeof proved !== 'boolean') return undefined;
  if (typeof name !== 'string' || name.length > requestBytesMax) return undefined;
  if (typeof address !== 'string' || address.length > 64) return undefined;
  if (typeof transport !== 'string' || !transports.has(transport)) return undefined;
  if (typeof durationMs !== 'number' || !(durationMs >= 0 && durationMs < Infinity)) return undefined;
  return { kind, name, address, transport: transport as FileRequest['transport'], proved, durationMs };
}

function readRequest(value: unknown): FileRequest | undefined {
  if (!isRecord(value)) return undefined;
  const { name, transport, address, port, hop, certificate } = value;
  if (typeof name !== 'string' || name.length > requestBytesMax) return undefined;
  if (typeof transport !== 'string' || !transports.has(transport)) return undefined;
  if (typeof address !== 'string' || address.length > 64 || !isCount(port) || port > 65_535) return undefined;
  const mark = typeof hop === 'string' ? readHop(hop) : undefined;
  if (hop !== undefined && mark === undefined) return undefined;
  if (certificate !== undefined && !isCertificate(certificate)) return undefined;
  return {
    name,
    transport: transport as FileRequest['transport'],
    address,
    port,
    ...(mark !== undefined && { hop: mark }),
    ...(certificate !== undefined && { certificate }),
  };
}

function readListening(value: unknown): readonly ListeningAt[] | undefined {
  if (!Array.isArray(value) || value.length > 64) return undefined;
  const read = value.map((at: unknown) => {
    if (!isRecord(at)) return undefined;
    const { service, address, port } = at;
    const known = typeof service === 'string' && services.has(service) && typeof address === 'string';
    if (!known || address.length > 64 || !isCount(port) || port > 65_535) return undefined;
    return { service: service as ListeningAt['service'], address, port };
  });
  return read.every((at) => at !== undefined) ? read : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCertificate(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= certificateBytesMax;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/**
 * The pipe between edge and back (design.md §2): one RPC, resolve(request) → Resolution, and the edge's life.
 * The edge is exposed to the network and is believed nothing: it can name a file and say who asks, it can never
 * hand over bytes to sign. Whatever else comes through the pipe is refused by `readEdgeMessage`.
 */
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import { requestBytesMax } from '../base/limits.ts';
import type { EdgeSettings } from './edge.ts';

/** Requests of one edge that the back works on at once; the edge queues above, a hostile edge is cut off. */
export const resolvesInFlightMax = 4_096;

export type BackToEdge =
  | { readonly type: 'start'; readonly settings: EdgeSettings }
  | { readonly type: 'resolution'; readonly id: number; readonly resolution: Resolution }
  | { readonly type: 'reload'; readonly settings: EdgeSettings }
  | { readonly type: 'changed' }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string }
  | { readonly type: 'stop' };

export type EdgeToBack =
  | { readonly type: 'started' }
  | { readonly type: 'reloaded' }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'resolve'; readonly id: number; readonly request: FileRequest };

const transports: ReadonlySet<string> = new Set(['tftp', 'http', 'https']);

/** `undefined` for anything the protocol does not know, however it is made. */
export function readEdgeMessage(message: unknown): EdgeToBack | undefined {
  if (!isRecord(message)) return undefined;
  switch (message['type']) {
    case 'started':
    case 'reloaded':
    case 'stopped':
      return { type: message['type'] };
    case 'failed': {
      const { code, message: text } = message;
      return typeof code === 'string' && typeof text === 'string'
        ? { type: 'failed', code: code.slice(0, 64), message: text.slice(0, 1_024) }
        : undefined;
    }
    case 'resolve': {
      const request = readRequest(message['request']);
      const id = message['id'];
      return request && isCount(id) ? { type: 'resolve', id, request } : undefined;
    }
    default:
      return undefined;
  }
}

function readRequest(value: unknown): FileRequest | undefined {
  if (!isRecord(value)) return undefined;
  const { name, transport, address, port } = value;
  if (typeof name !== 'string' || name.length > requestBytesMax) return undefined;
  if (typeof transport !== 'string' || !transports.has(transport)) return undefined;
  if (typeof address !== 'string' || address.length > 64 || !isCount(port) || port > 65_535) return undefined;
  return { name, transport: transport as FileRequest['transport'], address, port };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

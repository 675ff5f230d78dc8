/**
 * The short way for what is in memory already: a bare GET or HEAD of a plain name that the byte cache can answer now.
 * It skips the framework's routing and reply, which cost more than the answer (docs/decisions/http-direct-answer.md);
 * whatever is not exactly that goes the long way and gets the same answer there.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Resolution } from '../core/files/resolution.ts';

export type Peek = (name: string) => Resolution | undefined;

/** Fixed headers of every file, in the flat form that Node writes without copying them into an object first. */
export const fileHeaders = [
  'Content-Type',
  'application/octet-stream',
  'Cache-Control',
  'no-store',
  'Accept-Ranges',
  'bytes',
] as const;

/** The bytes that were answered, or `undefined` when nothing was done. */
export function answerDirectly(
  request: IncomingMessage,
  response: ServerResponse,
  peek: Peek,
): Uint8Array | undefined {
  const { method, url, headers } = request;
  if (method !== 'GET' || url === undefined || url.charCodeAt(0) !== 0x2f) return undefined;
  if (headers.range !== undefined || hasBody(request) || headers.expect !== undefined) return undefined;
  if (!plainTarget.test(url)) return undefined;
  const known = peek(url.slice(1));
  if (known?.kind !== 'served' || known.content.kind !== 'memory') return undefined;
  const { bytes } = known.content;
  response.writeHead(200, [...fileHeaders, 'Content-Length', String(bytes.length)]);
  response.end(bytes);
  return bytes;
}

export function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0'
  );
}

/** Nothing to decode, nothing to refuse. */
const plainTarget = /^\/[\w./-]+$/;

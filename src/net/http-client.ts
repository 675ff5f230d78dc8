/**
 * One file over HTTP (port 6970), as a phone fetches it. Refuses a body longer than asked for, a body shorter
 * than its Content-Length, any status but 200, and redirects: a phone follows none.
 */
import { get, type IncomingMessage } from 'node:http';
import { Failure } from '../base/errors.ts';
import { concatBytes } from '../base/bytes.ts';
import { fetchedFileBytesMax, fetchIdleMs } from '../base/limits.ts';
import { printable } from '../base/text.ts';

export interface HttpFetch {
  readonly host: string;
  readonly port: number;
  /** As asked of TFTP; segments are percent-encoded on the way. */
  readonly name: string;
  readonly bytesMax?: number;
  /** Without a byte for this long the fetch fails. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The whole body. Failures: `not-found` (404), `peer-error` (any other answer, a cut or endless body),
 * `unreachable` (no connection, no answer in time).
 */
export async function fetchHttp(request: HttpFetch): Promise<Uint8Array> {
  const { bytesMax = fetchedFileBytesMax, idleMs = fetchIdleMs, name } = request;
  const where = `${request.host} port ${request.port}`;
  try {
    const response = await open(request, idleMs);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      response.destroy();
      throw statusFailure(status, response.headers['retry-after'], name, where);
    }
    return await readBody(response, bytesMax, where);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw connectionFailure(thrown, where);
  }
}

function open(request: HttpFetch, idleMs: number): Promise<IncomingMessage> {
  const path = `/${request.name.split('/').map(encodeURIComponent).join('/')}`;
  const { host, port, signal } = request;
  return new Promise((resolve, reject) => {
    const outgoing = get(
      { host, port, path, agent: false, timeout: idleMs, ...(signal && { signal }) },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.on('timeout', () =>
      outgoing.destroy(new Failure('unreachable', `${host} port ${port}: no answer in ${idleMs} ms`)),
    );
  });
}

async function readBody(response: IncomingMessage, bytesMax: number, where: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bytesMax) {
      response.destroy();
      throw new Failure('peer-error', `${where} sends more than ${bytesMax} bytes`);
    }
    parts.push(part);
  }
  return concatBytes(...parts);
}

function statusFailure(status: number, retryAfter: string | undefined, name: string, where: string): Failure {
  if (status === 404) return new Failure('not-found', `${where} has no file ${printable(name)}`);
  if (status === 503)
    return new Failure('peer-error', `${where} asks to come back later (503)`, {
      hint: `try again in ${/^\d{1,4}$/.test(retryAfter ?? '') ? retryAfter : 2} s`,
    });
  return new Failure('peer-error', `${where} answers with status ${status}`);
}

function connectionFailure(thrown: unknown, where: string): Failure {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  // The body ended before its Content-Length, or what came is not HTTP.
  if (code === 'ECONNRESET' || code.startsWith('HPE_'))
    return new Failure('peer-error', `${where} broke off its answer`, { cause: thrown });
  if (code === 'ABORT_ERR') return new Failure('interrupted', 'stopped', { cause: thrown });
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure('unreachable', `${where}: ${words}`, { cause: thrown });
}

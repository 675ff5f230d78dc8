/**
 * One file over HTTP (port 6970), as a phone fetches it. Refuses a body longer than asked for, a body shorter
 * than its Content-Length, any status but 200, and redirects: a phone follows none.
 */
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
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
  /** The address to ask from. */
  readonly localAddress?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** The server took the connection. */
  readonly onConnect?: () => void;
  /** It answered, with whatever status. */
  readonly onAnswer?: (headers: IncomingHttpHeaders) => void;
  readonly signal?: AbortSignal;
}

/** An answer of status 200 whose body is still to be read. */
export interface HttpFile {
  /** Content-Length, where there is one. */
  readonly sizeBytes: number | undefined;
  /** Ends in a Failure as fetchHttp does; to stop early, end the loop or abort the signal. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The whole body. Failures: `not-found` (404), `peer-error` (any other answer, a cut or endless body),
 * `unreachable` (no connection, no answer in time).
 */
export async function fetchHttp(request: HttpFetch): Promise<Uint8Array> {
  const { body } = await openHttp(request);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return concatBytes(...parts);
}

/** As `fetchHttp`, up to the body. */
export async function openHttp(request: HttpFetch): Promise<HttpFile> {
  const { bytesMax = fetchedFileBytesMax, idleMs = fetchIdleMs, name } = request;
  const where = `${request.host} port ${request.port}`;
  try {
    const response = await open(request, idleMs);
    const { statusCode: status = 0, headers } = response;
    request.onAnswer?.(headers);
    if (status !== 200) {
      response.destroy();
      throw statusFailure(status, headers['retry-after'], name, where);
    }
    const length = headers['content-length'];
    const sizeBytes = length === undefined ? undefined : Number(length);
    return { sizeBytes, body: readBody(response, bytesMax, where) };
  } catch (thrown) {
    throw connectionFailure(thrown, where);
  }
}

function open(request: HttpFetch, idleMs: number): Promise<IncomingMessage> {
  const path = `/${request.name.split('/').map(encodeURIComponent).join('/')}`;
  const { host, port, localAddress, headers, signal, onConnect } = request;
  return new Promise((resolve, reject) => {
    const outgoing = get(
      {
        host,
        port,
        path,
        agent: false,
        timeout: idleMs,
        ...(localAddress !== undefined && { localAddress }),
        ...(headers && { headers }),
        ...(signal && { signal }),
      },
      resolve,
    );
    if (onConnect) outgoing.on('socket', (socket) => socket.once('connect', onConnect));
    outgoing.on('error', reject);
    outgoing.on('timeout', () =>
      outgoing.destroy(new Failure('unreachable', `${host} port ${port}: no answer in ${idleMs} ms`)),
    );
  });
}

async function* readBody(
  response: IncomingMessage,
  bytesMax: number,
  where: string,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > bytesMax) {
        response.destroy();
        throw new Failure('peer-error', `${where} sends more than ${bytesMax} bytes`);
      }
      yield part;
    }
  } catch (thrown) {
    throw connectionFailure(thrown, where);
  }
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
  if (thrown instanceof Failure) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  // The body ended before its Content-Length, or what came is not HTTP.
  if (code === 'ECONNRESET' || code.startsWith('HPE_'))
    return new Failure('peer-error', `${where} broke off its answer`, { cause: thrown });
  if (code === 'ABORT_ERR') return new Failure('interrupted', 'stopped', { cause: thrown });
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure('unreachable', `${where}: ${words}`, { cause: thrown });
}

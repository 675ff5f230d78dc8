/**
 * One question to a TVS, as a phone puts it: a TLS connection of its own, one message, one answer. The server's
 * certificate is not judged here but handed back: a phone believes it by role 21 of its ITL (core/trust/belief-in-signer.ts),
 * not by a CA. Old services speak TLS 1.0 only, so the client takes it.
 *
 * Refuses an answer that is none, to another session or command, and one that comes too late.
 */
import { connect, type TLSSocket } from 'node:tls';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import { tvsAskMs } from '../base/limits-tvs.ts';
import { TvsFramer } from '../core/tvs/framer.ts';
import {
  encodeTvsMessage,
  type QueryRequest,
  type TvsRequest,
  type TvsResponse,
  type VerifyRequest,
} from '../wire/tvs-message.ts';
import type { TvsIdentity } from './tvs-server.ts';

export interface TvsQuestion {
  readonly host: string;
  readonly port: number;
  /** The session is chosen here. */
  readonly ask: Omit<QueryRequest, 'session'> | Omit<VerifyRequest, 'session'>;
  /** The phone's certificate, when it presents one. */
  readonly identity?: TvsIdentity | undefined;
  readonly timeoutMs?: number;
}

export interface TvsReply {
  readonly response: TvsResponse;
  /** DER of the certificate under which the service speaks TLS. */
  readonly server: Uint8Array;
  readonly protocol: string;
}

/** Failures: `unreachable` (no connection, no TLS, no answer in time), `peer-error` (something else than an answer). */
export function askTvs(question: TvsQuestion): Promise<TvsReply> {
  const { host, port, ask, identity, timeoutMs = tvsAskMs } = question;
  const where = `the TVS ${host} port ${port}`;
  const request: TvsRequest = { ...ask, session: randomSession() };
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
      ...(identity && { key: identity.keyPem, cert: identity.certPem }),
    });
    const framer = new TvsFramer();
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      end();
    };
    const fail = (code: 'unreachable' | 'peer-error', words: string, cause?: unknown): void =>
      settle(() => reject(new Failure(code, `${where} ${words}`, { cause })));
    const timer = setTimeout(() => fail('unreachable', `gives no answer in ${timeoutMs} ms`), timeoutMs);
    socket.once('secureConnect', () => socket.write(encodeTvsMessage(request)));
    socket.on('data', (chunk: Buffer) => {
      framer.push(Uint8Array.from(chunk));
      const next = framer.next();
      if (!next.ok) return fail('peer-error', `gives no answer but other bytes: ${next.error.message}`);
      if (next.value === undefined) return;
      const response = responseTo(request, next.value);
      if (response === undefined) return fail('peer-error', 'answers another question than it was asked');
      const reply = {
        response,
        server: serverOf(socket),
        protocol: socket.getProtocol() ?? '',
      };
      settle(() => resolve(reply));
    });
    socket.on('error', (error) => fail('unreachable', `is not to be had: ${error.message}`, error));
    socket.once('close', () => fail('unreachable', 'closed the connection without an answer'));
  });
}

function responseTo(request: TvsRequest, message: TvsRequest | TvsResponse): TvsResponse | undefined {
  if (message.session !== request.session) return undefined;
  const wanted = request.command === 'query-request' ? 'query-response' : 'verify-response';
  if (message.command !== wanted) return undefined;
  return message;
}

function serverOf(socket: TLSSocket): Uint8Array {
  const certificate = socket.getPeerX509Certificate();
  assert(certificate !== undefined, 'a TLS server has a certificate');
  return Uint8Array.from(certificate.raw);
}

function randomSession(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
}

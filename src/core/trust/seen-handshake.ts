/**
 * A TLS handshake as a server saw it, told to who knows what phones hold (handshake.ts). The client has proved the key of
 * its own certificate by then, and has taken the server's (RFC 8446 §4.4.2.4, RFC 5246 §7.3); but some look at it only
 * when the handshake is over and go away then, so servers tell it when the client has asked something.
 * Not told: a resumed session, in which no certificate was shown, and a client that named itself by none.
 */
import { certificateBytesMax } from '../../base/limits.ts';
import type { TlsService } from './handshake.ts';

export interface SeenHandshake {
  readonly service: TlsService;
  /** Fingerprint of the certificate under which the server spoke. */
  readonly server: string;
  /** The client's certificate, DER; nobody has looked at who issued it. */
  readonly certificate: Uint8Array;
  /** How long ago, when it is told. */
  readonly ageMs: number;
}

/** As it is handed on at once; `client` is the fingerprint of the client's certificate. */
export interface NewHandshake extends Omit<SeenHandshake, 'ageMs'> {
  readonly client: string;
  /** When it was completed, by the caller's monotonic clock. */
  readonly atMs: number;
}

interface ShownCertificate {
  readonly raw: Uint8Array;
  /** `AB:CD:…`. */
  readonly fingerprint256: string;
}

/** What is asked of node's TLSSocket. */
export interface SecuredSocket {
  isSessionReused(): boolean;
  getPeerX509Certificate(): ShownCertificate | undefined;
  getX509Certificate(): ShownCertificate | undefined;
}

export function seeHandshake(
  service: TlsService,
  socket: SecuredSocket,
  atMs: number,
): NewHandshake | undefined {
  if (socket.isSessionReused()) return undefined;
  const client = socket.getPeerX509Certificate();
  const server = socket.getX509Certificate();
  if (client === undefined || server === undefined || client.raw.length > certificateBytesMax)
    return undefined;
  return {
    service,
    server: hexOf(server),
    client: hexOf(client),
    certificate: Uint8Array.from(client.raw),
    atMs,
  };
}

function hexOf({ fingerprint256 }: ShownCertificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

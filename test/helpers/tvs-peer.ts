/** The other side of a TVS, good and bad: TLS connections as a phone makes them, bytes written by hand. */
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { StoredCertificate } from '../../src/core/cluster/model.ts';
import type { CertificatePurpose, CertificateStoreName } from '../../src/core/cluster/model.ts';
import type { TvsIdentity } from '../../src/net/tvs-server.ts';
import { writePem } from '../../src/pki/pem.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { nameText, text, tlv, u16, u32, type Party } from './trust-builder.ts';

const crypto = createVerifier();

export function identityOf({ key, der }: Party): TvsIdentity {
  const pem = createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }));
  return {
    keyPem: pem.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certPem: writePem('CERTIFICATE', der),
  };
}

let lastId = 0;

/** A row of the database; the node's own where `place` is a purpose. */
export function row(
  { der }: Pick<Party, 'der'>,
  place: Exclude<CertificateStoreName, 'own'> | CertificatePurpose,
  more: Partial<StoredCertificate> = {},
): StoredCertificate {
  lastId += 1;
  const store = place.endsWith('-trust') ? (place as CertificateStoreName) : 'own';
  const purpose = store === 'own' ? (place as CertificatePurpose) : undefined;
  return {
    id: lastId,
    store,
    purpose,
    node: store === 'own' && purpose !== 'itlrecovery' ? 'node-a' : undefined,
    der: Uint8Array.from(der),
    fingerprint: crypto.readCertificate(Uint8Array.from(der))?.fingerprint ?? '',
    provenance: 'test',
    addedMs: 0,
    retiredMs: undefined,
    ...more,
  };
}

/** A query for a certificate, written from formats.md §4. */
export function queryBytes(who: Party, device = 'CP-8861-SEP001122334455', session = 1001): Buffer {
  const body = Buffer.concat([
    tlv(1, Buffer.concat([Buffer.of(1), Buffer.from(device)])),
    tlv(3, text(nameText(who.subject))),
    tlv(4, text(nameText(who.issuer))),
    tlv(5, who.serial),
  ]);
  return Buffer.concat([Buffer.of(0x57, 1, 3, 0), u32(session), u16(body.length), body]);
}

export type Connect = Pick<ConnectionOptions, 'key' | 'cert' | 'minVersion' | 'maxVersion' | 'ciphers'> & {
  readonly localAddress?: string;
};

/** TLS, the handshake done. */
export async function tlsTo(port: number, options: Connect = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => reject(new Error('closed before the handshake')));
    socket.once('error', reject);
  });
  return socket;
}

/** Every byte until `length` are there or the peer closes. */
export async function readBytes(socket: TLSSocket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let have = 0;
  const closed = once(socket, 'close').then(() => undefined);
  while (have < length && !socket.destroyed) {
    const part = (socket.read() as Buffer | null) ?? undefined;
    if (part === undefined) await Promise.race([once(socket, 'readable'), closed]);
    else {
      parts.push(part);
      have += part.length;
    }
  }
  return Buffer.concat(parts);
}

/** One whole message; empty when the peer closes instead. */
export async function readMessage(socket: TLSSocket): Promise<Buffer> {
  const head = await readBytes(socket, 10);
  if (head.length < 10) return head;
  const rest = 10 + head.readUInt16BE(8) - head.length;
  return rest > 0 ? Buffer.concat([head, await readBytes(socket, rest)]) : head;
}

/** Asks on a connection of its own. */
export async function exchange(port: number, bytes: Uint8Array, options: Connect = {}): Promise<Buffer> {
  const socket = await tlsTo(port, options);
  socket.write(bytes);
  const answer = await readMessage(socket);
  socket.destroy();
  return answer;
}

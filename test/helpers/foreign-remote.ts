/** A remote TFTP cluster as the network sees it, made of bare sockets: what it says is the test's business. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { RemoteServer } from '../../src/core/cluster/remote.ts';

/** What HTTP says to a GET for this name, now or later: the whole answer; `undefined` says nothing. */
export type HttpLines = (name: string, head: string) => HttpAnswer | Promise<HttpAnswer>;
type HttpAnswer = Uint8Array | string | undefined;
/** Packets for each packet; the first of a transfer is the RRQ. */
export type TftpAct = (
  packet: Buffer,
  answer: (...packets: Buffer[]) => void,
  from: { address: string; port: number },
) => void;

export interface ForeignRemote {
  readonly server: RemoteServer;
  /** Names asked, by transport, in order. */
  readonly asked: string[];
  /** Heads of HTTP requests and RRQ packets as they came. */
  readonly raw: string[];
}

/** `address` is one of 127.0.x.1 or ::1. A transport that is not given refuses connections, or is silent (TFTP). */
export async function foreignRemote(
  address: string,
  { http, tftp }: { http?: HttpLines; tftp?: TftpAct },
): Promise<ForeignRemote> {
  const asked: string[] = [];
  const raw: string[] = [];
  const httpPort = await serveHttp(address, asked, raw, http);
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.bind(0, address);
  await once(udp, 'listening');
  onTestFinished(() => {
    udp.close();
  });
  udp.on('message', (packet, from) => {
    if (packet[1] === 1) {
      asked.push(`tftp ${packet.toString('latin1', 2, packet.indexOf(0, 2))}`);
      raw.push(packet.toString('latin1'));
    }
    const answer = (...packets: Buffer[]) => {
      for (const one of packets) udp.send(one, from.port, from.address);
    };
    tftp?.(packet, answer, from);
  });
  const port = udp.address().port;
  const server = {
    tftp: { address, port },
    http: { address, port: httpPort },
    tvs: { address, port: 1 },
  };
  return { server, asked, raw };
}

async function serveHttp(
  address: string,
  asked: string[],
  raw: string[],
  lines: HttpLines | undefined,
): Promise<number> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.once('data', (chunk) => {
      const head = chunk.toString('latin1');
      const name = decodeURIComponent(/^GET \/(\S*)/.exec(head)?.[1] ?? '');
      asked.push(`http ${name}`);
      raw.push(head);
      void Promise.resolve(lines?.(name, head)).then((answer) => {
        if (answer !== undefined) socket.end(answer);
      });
    });
  });
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  };
  if (lines === undefined) await close();
  else onTestFinished(close);
  return port;
}

export function httpOk(body: Uint8Array | string, headers = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n${headers}\r\n`),
    bytes,
  ]);
}

export const httpNotFound = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';

/** A plain server of these files: blocks of 512, ERROR 1 for the rest. */
export function tftpFiles(files: (name: string) => Uint8Array | undefined): TftpAct {
  const names = new Map<number, string>();
  return (packet, answer, { port }) => {
    if (packet[1] === 1) names.set(port, packet.toString('latin1', 2, packet.indexOf(0, 2)));
    if (packet[1] !== 1 && packet[1] !== 4) return;
    const bytes = files(names.get(port) ?? '');
    if (bytes === undefined) {
      answer(Buffer.from('\0\x05\0\x01File not found\0', 'latin1'));
      return;
    }
    const block = packet[1] === 1 ? 1 : packet.readUInt16BE(2) + 1;
    if ((block - 1) * 512 > bytes.length) return;
    answer(tftpData(block, bytes.subarray((block - 1) * 512, block * 512)));
  };
}

export function tftpData(block: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, 3, (block >> 8) & 255, block & 255), bytes]);
}

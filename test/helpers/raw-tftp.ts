/** TFTP packets written by hand and a socket that shows what came back: no code of ours in between. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isIPv6 } from 'node:net';
import { onTestFinished } from 'vitest';

export function rrq(name: string, mode = 'octet', ...options: string[]): Buffer {
  return request(1, name, mode, ...options);
}

export function wrq(name: string, mode = 'octet'): Buffer {
  return request(2, name, mode);
}

function request(opcode: number, ...fields: string[]): Buffer {
  return Buffer.concat([
    Buffer.of(0, opcode),
    Buffer.from(fields.map((field) => `${field}\0`).join(''), 'utf8'),
  ]);
}

export function ack(block: number): Buffer {
  return Buffer.of(0, 4, block >> 8, block & 0xff);
}

export function error(code: number, text: string): Buffer {
  return Buffer.concat([Buffer.of(0, 5, 0, code), Buffer.from(`${text}\0`)]);
}

export interface Answer {
  readonly bytes: Buffer;
  readonly address: string;
  readonly port: number;
  readonly atMs: number;
}

/** `DATA 1 512`, `OACK blksize=1428`, `ERROR 1 File not found`. */
export function shown(bytes: Buffer): string {
  const number = bytes.readUInt16BE(2);
  switch (bytes.readUInt16BE(0)) {
    case 3:
      return `DATA ${number} ${bytes.length - 4}`;
    case 4:
      return `ACK ${number}`;
    case 5:
      return `ERROR ${number} ${bytes.toString('latin1', 4, bytes.length - 1)}`;
    case 6: {
      const fields = bytes.toString('latin1', 2, bytes.length - 1).split('\0');
      const pairs = fields.flatMap((field, i) => (i % 2 === 0 ? [`${field}=${fields[i + 1]}`] : []));
      return `OACK ${pairs.join(' ')}`;
    }
    default:
      return bytes.toString('hex');
  }
}

/** A socket with the answers it got and has not shown yet. */
export class Probe {
  readonly socket: Socket;
  readonly answers: Answer[] = [];
  #server: { address: string; port: number };
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, server: { address: string; port: number }) {
    this.socket = socket;
    this.#server = server;
    socket.on('message', (bytes, { address, port }) => {
      this.answers.push({ bytes, address, port, atMs: performance.now() });
      this.#wake?.();
    });
  }

  static async to(server: { address: string; port: number }, from?: string): Promise<Probe> {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    socket.bind(0, from);
    await once(socket, 'listening');
    onTestFinished(() => {
      socket.close();
    });
    return new Probe(socket, server);
  }

  /** Further packets go to the port that answered last (RFC 1350 §4). */
  follow(answer: Answer): void {
    this.#server = { address: answer.address, port: answer.port };
  }

  send(...packets: Uint8Array[]): void {
    for (const packet of packets) this.socket.send(packet, this.#server.port, this.#server.address);
  }

  async next(waitMs = 5000): Promise<Answer> {
    const until = performance.now() + waitMs;
    for (;;) {
      const answer = this.answers.shift();
      if (answer) return answer;
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`no answer within ${waitMs} ms`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), sleep(leftMs)]);
    }
  }

  /** Sends and shows the next answer. */
  async ask(packet: Uint8Array): Promise<string> {
    this.send(packet);
    return shown((await this.next()).bytes);
  }

  async nextShown(): Promise<string> {
    return shown((await this.next()).bytes);
  }

  /** Everything that has come, once the server has surely worked off what was sent to it before. */
  async settled(): Promise<string[]> {
    const fence = await Probe.to(this.#server);
    fence.send(Buffer.concat([rrq('fence')]));
    await fence.next();
    await sleep(20);
    return this.answers.splice(0).map(({ bytes }) => shown(bytes));
  }
}

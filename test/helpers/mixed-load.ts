/**
 * Everything at once against one serving process: clients that fetch and compare by TFTP and HTTP, scrapes of the
 * metrics, and strangers whose packets are broken, forged or never acknowledged. What the process holds is written down
 * every second (/proc), so that growth shows.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/base/errors.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { programPath } from '../cli/testscript.ts';
import { hostilePacket } from './packet-mutator.ts';
import { type Random, seeded } from './prng.ts';

export interface Load {
  readonly engine: 'dgram' | 'mmsg';
  readonly seconds: number;
  readonly seed: number;
  /** The server's directory and what stands in it. */
  readonly root: string;
  readonly files: Readonly<Record<string, Buffer>>;
}

export interface Sample {
  readonly residentMiB: number;
  readonly descriptors: number;
}

export interface LoadResult {
  readonly engine: string;
  /** One a second. */
  readonly samples: readonly Sample[];
  /** By TFTP and HTTP, compared byte for byte. */
  readonly complete: number;
  readonly stopped: number;
  readonly wrong: number;
  readonly hostilePackets: number;
  /** The process still ran when it was told to end, and ended with this status. */
  readonly status: number | null;
  readonly said: string;
}

const goodClients = 6;
const strangers = 32;
const packetsPerTurn = 12;
const turnMs = 5;

export async function runMixedLoad(load: Load): Promise<LoadResult> {
  const server = await startServer(load);
  const ended = AbortSignal.timeout(load.seconds * 1000);
  const tally = { complete: 0, stopped: 0, wrong: 0 };
  const counted = (work: Promise<boolean>): Promise<void> =>
    work.then(
      (same) => void (same ? tally.complete++ : tally.wrong++),
      (thrown: unknown) => {
        if (!(thrown instanceof Failure || thrown instanceof TypeError)) throw thrown; // fetch() throws TypeError
        tally.stopped++;
      },
    );
  const clients = Array.from({ length: goodClients }, async (_, i) => {
    const random = seeded(load.seed + i);
    while (!ended.aborted)
      await counted(i === 0 ? getByHttp(server, load, random) : getByTftp(server, load, random));
  });
  const [samples, hostilePackets] = await Promise.all([
    watch(server, ended),
    sendHostile(server, load, ended),
    ...clients,
  ]);
  const status = await server.stop();
  return { engine: load.engine, samples, ...tally, hostilePackets, status, said: server.said() };
}

interface Serving {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly port: Readonly<Record<'tftp' | 'http' | 'metrics', number>>;
  stop(): Promise<number | null>;
  said(): string;
}

async function startServer({ root, engine }: Load): Promise<Serving> {
  const logFile = join(root, '..', `${engine}.log`);
  const log = openSync(logFile, 'w');
  const at = '127.0.0.1:0';
  const args = ['serve', '--json', '--root', root, '--engine', engine, '--tftp', at, '--http', at];
  const env = { ...process.env, TFTP_PKI_METRICS_LISTEN: at };
  const child = spawn(process.execPath, [programPath, ...args], { stdio: ['ignore', log, 'pipe'], env });
  closeSync(log);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const portOf = async (service: string): Promise<number> => {
    for (let i = 0; i < 2000 && child.exitCode === null; i++, await sleep(10)) {
      const found = new RegExp(`"service":"${service}".*?"port":(\\d+)`).exec(
        readFileSync(logFile, 'latin1'),
      );
      if (found) return Number(found[1]);
    }
    throw new Error(`nothing listens for ${service}: ${said}`);
  };
  const port = { tftp: await portOf('tftp'), http: await portOf('http'), metrics: await portOf('metrics') };
  return {
    pid: child.pid ?? 0,
    child,
    port,
    said: () => said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}

async function getByTftp({ port }: Serving, { files }: Load, random: Random): Promise<boolean> {
  const [name, bytes] = anyOf(random, Object.entries(files));
  const blksize = anyOf(random, [null, 512, 1428, 8192]);
  const windowsize = anyOf(random, [null, 1, 8, 64]);
  const options = { name, blksize, windowsize, sizeBytesMax: bytes.length, bindAddress: '127.0.0.2' };
  const got = await fetchTftp({ host: '127.0.0.1', port: port.tftp, timeoutMs: 60_000, ...options });
  return bytes.equals(got);
}

async function getByHttp({ port }: Serving, { files }: Load, random: Random): Promise<boolean> {
  const [name, bytes] = anyOf(random, Object.entries(files));
  const scrape = random() < 0.02;
  const url = `http://127.0.0.1:${scrape ? port.metrics : port.http}/${scrape ? 'metrics' : name}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  const body = Buffer.from(await answer.arrayBuffer());
  return scrape ? answer.ok && body.length > 0 : bytes.equals(body);
}

/** Packets from a handful of ports, so that many hit a transfer that lives; gives how many were sent. */
async function sendHostile({ port }: Serving, load: Load, ended: AbortSignal): Promise<number> {
  const random = seeded(load.seed * 7919);
  const names = [
    ...Object.keys(load.files),
    'none.xml',
    '../../etc/passwd',
    'a%2fb',
    'CON',
    '.',
    'ü'.repeat(80),
  ];
  const sockets: Socket[] = [];
  for (let i = 0; i < strangers; i++) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    // Our own kernel may refuse what no server is told to refuse.
    socket.on('error', () => undefined);
    sockets.push(socket);
  }
  let sent = 0;
  while (!ended.aborted) {
    for (let i = 0; i < packetsPerTurn; i++, sent++)
      anyOf(random, sockets).send(hostilePacket(random, names), port.tftp, '127.0.0.1');
    await sleep(turnMs);
  }
  for (const socket of sockets) socket.close();
  return sent;
}

async function watch({ pid, child }: Serving, ended: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  while (!ended.aborted && child.exitCode === null) {
    await sleep(1000);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
    samples.push({ residentMiB: kilobytes / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length });
  }
  return samples;
}

function anyOf<T>(random: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(random() * list.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}

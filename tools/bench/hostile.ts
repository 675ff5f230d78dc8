/** The promises of security.md §4 about floods and transfers that stand still, measured beside the targets. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { tftpLoad } from './load.ts';
import { type Effort, type Finding, required, withServers } from './findings.ts';
import { loadCore, product, type Engine, type Server } from './servers.ts';
import { forgedRequests } from './workspace.ts';

const run = promisify(execFile);
const engines: readonly Engine[] = ['mmsg', 'dgram'];
const floodPerSecond = 20_000;
/** It ends when the good phones are done. */
const floodSecondsMax = 30;
const stalledTransfers = 10_000;

/** 20,000 forged requests a second: good phones are served, memory stays. */
export async function floodRow({ scale }: Effort): Promise<readonly Finding[]> {
  return perEngine(async (server) => {
    const transfers = Math.round(2_000 * scale);
    const before = await settledMiB(server);
    const ended = new AbortController();
    const flood = forge(server, floodPerSecond * floodSecondsMax, ended.signal);
    await sleep(1000);
    const load = { files: ['small'], clients: 30, transfers, secondsMax: floodSecondsMax };
    const { ok, failed, firstDataP99Ms } = await tftpLoad(server, load);
    const grown = server.residentMib() - before;
    ended.abort();
    await flood;
    const share = ok / (ok + failed);
    return {
      target: '§4',
      what: `${spell(floodPerSecond)} forged requests a second, ${server.name} engine`,
      ours: `${(share * 100).toFixed(2)} % of ${spell(ok + failed)} good transfers complete, first DATA p99 ${firstDataP99Ms.toFixed(0)} ms, + ${grown.toFixed(0)} MiB`,
      against: '',
      ratio: undefined,
      goal: '≥ 99 %, ≤ 64 MiB',
      met: share >= 0.99 && grown <= 64,
    };
  });
}

/** 10,000 transfers that were begun, acknowledged once and left alone. */
export async function stalledRow(): Promise<readonly Finding[]> {
  return perEngine(async (server) => {
    const before = await settledMiB(server);
    await forge(server, stalledTransfers, undefined, 'stalled');
    await sleep(500);
    const grown = server.residentMib() - before;
    return {
      target: '§4',
      what: `${spell(stalledTransfers)} stalled transfers, ${server.name} engine`,
      ours: `+ ${grown.toFixed(0)} MiB`,
      against: '',
      ratio: undefined,
      goal: '≤ 40 MiB',
      met: grown <= 40,
    };
  });
}

async function perEngine(measure: (server: Server) => Promise<Finding>): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const engine of engines)
    findings.push(await withServers([product(engine)], ([server]) => measure(required(server))));
  return findings;
}

/** After some work, so that compilers and caches are not counted as growth. */
async function settledMiB(server: Server): Promise<number> {
  await tftpLoad(server, { files: ['small'], clients: 30, transfers: 5_000, secondsMax: 10 });
  await sleep(500);
  return server.residentMib();
}

/** Until all have left, or `ended`. */
async function forge({ port }: Server, count: number, ended?: AbortSignal, ...mode: string[]): Promise<void> {
  const words = [forgedRequests, port, count, floodPerSecond, 'small', ...mode].map(String);
  try {
    await run('taskset', ['-c', String(loadCore), ...words], { signal: ended });
  } catch (error) {
    if (ended?.aborted !== true) throw error;
  }
}

function spell(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

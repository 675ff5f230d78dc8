/** The load: tools/tftpload (closed loop, on a core of its own) and wrk, their words as numbers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { loadCore, type Place, type Server } from './servers.ts';
import { loadGenerator } from './workspace.ts';

const run = promisify(execFile);

export interface TftpLoad {
  /** One pattern or several, fetched in turn by each client. */
  readonly files: readonly string[];
  readonly clients: number;
  readonly transfers: number;
  /** Numbers for `%d` in a pattern: 0 up to this. */
  readonly range?: number;
  readonly blksize?: number;
  readonly windowsize?: number;
  /** A source address per client (127.1.x.y) instead of one for all. */
  readonly spread?: boolean;
  readonly secondsMax?: number;
  readonly retriesMax?: number;
}

export interface TftpResult {
  readonly ok: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly worstMs: number;
  readonly firstDataP99Ms: number;
  /** Requests and ACKs sent again by the client, per transfer. */
  readonly retransmitShare: number;
  /** Processor time of the server per transfer. */
  readonly cpuMicros: number;
}

/** Runs the load against `target`; `at` replaces its address where a link lies between. */
export async function tftpLoad(target: Server, load: TftpLoad, at: Place = target): Promise<TftpResult> {
  const args = ['--host', at.host, '--port', String(at.port), '--cpu', String(loadCore)];
  for (const file of load.files) args.push('--file', file);
  args.push('--conc', String(load.clients), '--total', String(load.transfers));
  if (load.range !== undefined) args.push('--range', String(load.range));
  if (load.blksize !== undefined) args.push('--blksize', String(load.blksize));
  if (load.windowsize !== undefined) args.push('--window', String(load.windowsize));
  if (load.spread === true) args.push('--spread');
  args.push('--max-secs', String(load.secondsMax ?? 60), '--retries', String(load.retriesMax ?? 6));
  const cpuBefore = target.cpuMs();
  const words = await output('sh', [
    '-c',
    'ulimit -n 65536 2>/dev/null; exec "$0" "$@"',
    loadGenerator,
    ...args,
  ]);
  const cpuMs = target.cpuMs() - cpuBefore;
  const said = JSON.parse(words) as Record<string, number>;
  const ok = said['ok'] ?? 0;
  return {
    ok,
    // A run that was cut off failed as well.
    failed: (said['failed'] ?? 0) + (said['cut'] ?? 0),
    perSecond: said['tps'] ?? 0,
    megabytesPerSecond: said['MBps'] ?? 0,
    medianMs: said['p50'] ?? 0,
    p99Ms: said['p99'] ?? 0,
    worstMs: said['max'] ?? 0,
    firstDataP99Ms: said['ttfd_p99'] ?? 0,
    retransmitShare: (said['retrans'] ?? 0) / Math.max(1, ok),
    cpuMicros: (cpuMs * 1000) / Math.max(1, ok),
  };
}

/** Requests per second over kept-alive connections. */
export async function httpLoad({ host, port }: Place, path: string, connections: number): Promise<number> {
  const url = `http://${host}:${port}/${path}`;
  const args = ['-c', String(loadCore), 'wrk', '-t1', `-c${connections}`, '-d3s', url];
  const words = await output('taskset', args);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(words)?.[1];
  if (rate === undefined || /Non-2xx/.test(words)) throw new Error(`wrk did not measure:\n${words}`);
  return Number(rate);
}

/** The load generator exits 1 when transfers failed and still says what it measured. */
async function output(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args, { maxBuffer: 1 << 24 })).stdout;
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout !== undefined && stdout !== '') return stdout;
    throw error;
  }
}

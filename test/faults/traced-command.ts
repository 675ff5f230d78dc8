/**
 * The built program under strace: which of its system calls change a data folder, and the same command killed, or lied
 * to, at one of them. Everything that changes the folder happens in the main thread, which is the one that is traced.
 * strace counts a kind's calls in the whole process, so each run says which one it was.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programPath } from '../cli/testscript.ts';

/**
 * fsync changes nothing that a killed process could show, but order; SQLite's fchown of its files to the owner that they
 * have, as root, not even that.
 */
const traced =
  'openat,mkdir,write,pwrite64,fsync,fdatasync,rename,unlink,ftruncate,fchmod,chmod,link,symlink';

export interface FolderCall {
  readonly call: string;
  /** The how manieth of its kind in the process, from 1. */
  readonly nth: number;
  /** The path below the folder, without what differs from run to run. */
  readonly path: string;
}

export interface TracedRun {
  /** `null` when it was killed. */
  readonly status: number | null;
  readonly stderr: string;
  /** Calls about the folder, in order; the last one of a killed process did not happen. */
  readonly calls: readonly FolderCall[];
}

export interface Fault {
  readonly at: Pick<FolderCall, 'call' | 'nth'>;
  /** `signal=KILL`, `error=EIO`. */
  readonly inject: string;
  /** From there on, not only there. */
  readonly fromThereOn?: boolean;
}

/**
 * strace counts the opens of the whole process, so Node's own must be the same ones in every run. Two of them are not:
 * glibc's malloc opens /proc/sys/vm/overcommit_memory when it first shrinks an arena of a thread, and V8 opens its own
 * binary where the addresses that it was given make it map its built-in code anew.
 */
const oneArena = { MALLOC_ARENA_MAX: '1' };
const builtinsStay = '--no-short-builtin-calls';

/** `words` name the data folder themselves; the trace lies beside it. */
export async function runTraced(
  dataDir: string,
  words: readonly string[],
  fault?: Fault,
): Promise<TracedRun> {
  const trace = join(dataDir, `../${dataDir.split('/').at(-1) ?? ''}.strace`);
  const inject = fault && [
    '-e',
    `inject=${fault.at.call}:${fault.inject}:when=${fault.at.nth}${fault.fromThereOn === true ? '+' : ''}`,
  ];
  const strace = ['-y', '-s', '48', '-o', trace, '-e', `trace=${traced}`, ...(inject ?? [])];
  const program = [process.execPath, builtinsStay, programPath, ...words];
  const child = spawn('strace', [...strace, ...program], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...oneArena },
  });
  let stderr = '';
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stderr, calls: readCalls(readFileSync(trace, 'utf8'), dataDir) };
}

function readCalls(trace: string, dataDir: string): readonly FolderCall[] {
  const counts = new Map<string, number>();
  const calls: FolderCall[] = [];
  for (const line of trace.split('\n')) {
    const call = /^(\w+)\(/.exec(line)?.[1];
    if (call === undefined) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    const path = pathIn(line, dataDir);
    const reads = call === 'openat' && !line.includes('O_CREAT');
    if (path !== undefined && !reads) calls.push({ call, nth, path });
  }
  return calls;
}

/** The first path of the line that is the folder or in it. */
function pathIn(line: string, dataDir: string): string | undefined {
  const at = line.indexOf(dataDir);
  const end = line.charAt(at + dataDir.length);
  if (at < 0 || !['/', '"', '>'].includes(end)) return undefined;
  const path = /^[^">]*/.exec(line.slice(at + dataDir.length))?.[0] ?? '';
  return path
    .replace(/[0-9a-f]{64}/, 'KEY')
    .replace(/\.\d+-\d+\.unfinished$/, '.unfinished')
    .replace(/^$/, '/');
}

/** Those after which the folder is another one. */
export function changes({ call }: FolderCall): boolean {
  return call !== 'fsync' && call !== 'fdatasync';
}

/** The built program serving, as a process of its own: its log as events, its ports as they were bound. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { programPath } from '../cli/testscript.ts';
import { noteSecrets, refuseSecrets } from './secrets.ts';

const patienceMs = 60_000;

export interface LogLine {
  readonly type?: string;
  readonly [field: string]: unknown;
}

export interface ServedNode {
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  /** stderr so far. */
  said(): string;
  port(service: string): number;
  /** Waits for a line of the log. */
  until(what: string, matches: (line: LogLine) => boolean, after?: number): Promise<LogLine>;
  /** Pids of the edge processes that run now. */
  edges(): readonly number[];
  /** SIGINT; the exit status. */
  stop(): Promise<number | null>;
}

/** `args` follow `serve`; the process logs JSON. `wrap` puts another program before it. */
export async function serveProgram(
  args: readonly string[],
  options: { wrap?: readonly string[]; stdio?: StdioOptions; env?: NodeJS.ProcessEnv } = {},
): Promise<ServedNode> {
  const command = [...(options.wrap ?? []), process.execPath, programPath, 'serve', '--json', ...args];
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const log: LogLine[] = [];
  noteSecrets(args, process.cwd());
  let partial = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    refuseSecrets(chunk);
    const rows = (partial + chunk.toString()).split('\n');
    partial = rows.pop() ?? '';
    for (const row of rows) {
      const line = JSON.parse(row) as LogLine;
      log.push(line);
      if (line['service'] !== undefined) ports.set(line['service'], Number(line['port'] ?? Number.NaN));
    }
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    refuseSecrets(chunk);
    stderr += chunk.toString();
  });
  const until: ServedNode['until'] = async (what, matches, after = 0) => {
    const endMs = performance.now() + patienceMs;
    let seen = after;
    for (;;) {
      for (; seen < log.length; seen++) {
        const line = log[seen];
        if (line !== undefined && matches(line)) return line;
      }
      if (child.exitCode !== null || performance.now() > endMs)
        throw new Error(
          `no ${what} (status ${child.exitCode}):\n${stderr}\n${JSON.stringify(log.slice(-5))}`,
        );
      await delay(5);
    }
  };
  const ports = new Map<unknown, number>();
  const port = (service: string): number => ports.get(service) ?? Number.NaN;
  // The last listener of the order in which an edge starts them.
  const last = args.includes('--http') ? 'http' : 'tftp';
  try {
    await until(`listening ${last}`, (line) => line['service'] === last);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    child,
    log,
    said: () => stderr,
    port,
    until,
    edges: () => childrenOf(child.pid ?? 0).filter((pid) => commandOf(pid).includes('edge-process')),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim() === '' ? [] : text.trim().split(' ').map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}

/** Effective user of a process. */
export function userOf(pid: number): number {
  return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

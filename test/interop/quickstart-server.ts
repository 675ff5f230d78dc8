/** `npm start` as a person runs it, on ports and a data folder of the test's own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { freeTcpPort, freeUdpPort } from '../helpers/free-port.ts';

export const repository = join(import.meta.dirname, '../..');
const startWaitMs = 60_000;

export interface Ports {
  readonly tftp: number;
  readonly http: number;
}

export interface Quickstart {
  readonly ports: Ports;
  /** stdout and stderr so far. */
  output(): string;
  /** From the start of the process to the first answered request. */
  readonly readyAfterMs: number;
  /** SIGINT to the whole process group, as a terminal sends Ctrl-C; resolves with the exit status. */
  interrupt(): Promise<number | null>;
}

export async function startQuickstart(
  data: string,
  ports: Ports,
  via: 'npm' | 'node' = 'npm',
): Promise<Quickstart> {
  const began = performance.now();
  const { child, output } = spawnQuickstart(data, ports, via);
  const ended = once(child, 'exit');
  try {
    await untilServing(ports.http, () => child.exitCode !== null);
  } catch (error) {
    signalGroup(child, 'SIGKILL');
    throw new Error(`npm start (status ${child.exitCode}):\n${output()}`, { cause: error });
  }
  return {
    ports,
    output,
    readyAfterMs: performance.now() - began,
    interrupt: async () => {
      signalGroup(child, 'SIGINT');
      await ended;
      return child.exitCode;
    },
  };
}

/** Resolves when a request is answered; throws when the server has ended or takes too long. */
export async function untilServing(port: number, hasEnded: () => boolean): Promise<void> {
  const began = performance.now();
  for (;;) {
    const answered = await fetch(`http://127.0.0.1:${port}/Ringlist.xml`, { method: 'HEAD' }).then(
      ({ ok }) => ok,
      () => false, // nobody listens yet
    );
    if (answered) return;
    if (hasEnded()) throw new Error('the server ended before it served');
    if (performance.now() - began > startWaitMs) throw new Error('the server does not serve');
    await delay(10);
  }
}

/** Resolves with the status and all output of a start that is expected to end by itself. */
export async function runQuickstart(
  data: string,
  ports: Ports,
): Promise<{ status: number | null; output: string }> {
  const { child, output } = spawnQuickstart(data, ports, 'node');
  await once(child, 'close');
  return { status: child.exitCode, output: output() };
}

export async function freePorts(): Promise<Ports> {
  return { tftp: await freeUdpPort(), http: await freeTcpPort() };
}

function spawnQuickstart(data: string, { tftp, http }: Ports, via: 'npm' | 'node') {
  const options = ['--tftp', `127.0.0.1:${tftp}`, '--http', `127.0.0.1:${http}`, '--data', data];
  const [program, ...args] =
    via === 'npm'
      ? ['npm', 'start', '--silent', '--']
      : [process.execPath, join(repository, 'tools/start.mjs')];
  // A group of its own, so that Ctrl-C reaches what a terminal would reach and not the test runner.
  const child = spawn(program, [...args, ...options], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => (text += part));
  return { child, output: () => text };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
}

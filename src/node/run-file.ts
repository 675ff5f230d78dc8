/**
 * `serve.json` in the data folder: which process serves it and how its last reload went. The `reload` command finds
 * the server by it and waits for its word; a file that a crash left names a process that is gone.
 */
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeUtf8 } from '../base/text.ts';
import { Failure } from '../base/errors.ts';
import { reloadWaitMsMax } from '../base/limits.ts';
import { writeDurably } from '../store/durable.ts';
import type { DataFolder } from '../store/data-folder.ts';

export interface RunFile {
  readonly pid: number;
  readonly startedMs: number;
  /** How often the configuration was read again, and what was wrong the last time. */
  readonly reloads: number;
  readonly problem: string | null;
}

export function writeRunFile(folder: DataFolder, run: RunFile): void {
  writeDurably(folder.runFile, encodeUtf8(`${JSON.stringify(run)}\n`), 0o600);
}

export function removeRunFile(folder: DataFolder): void {
  rmSync(folder.runFile, { force: true });
}

/** The server that runs on this folder, or undefined. */
export function readRunFile(folder: DataFolder): RunFile | undefined {
  let text: string;
  try {
    text = readFileSync(folder.runFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Failure('storage-unreadable', `cannot read ${folder.runFile}`, { cause: error });
  }
  const run = parseRunFile(text);
  return run !== undefined && isAlive(run.pid) ? run : undefined;
}

/** A file that is not ours in shape names no server. */
function parseRunFile(text: string): RunFile | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, startedMs, reloads, problem } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
  if (typeof startedMs !== 'number' || typeof reloads !== 'number') return undefined;
  return problem === null || typeof problem === 'string' ? { pid, startedMs, reloads, problem } : undefined;
}

/** Has the running server read its configuration again. Failure `config-invalid` with what is wrong in it. */
export async function askForReload(folder: DataFolder): Promise<void> {
  const before = readRunFile(folder);
  if (before === undefined)
    throw new Failure('unreachable', `no server runs on ${folder.path}`, {
      hint: `tftp-pki serve --data ${folder.path}`,
    });
  process.kill(before.pid, 'SIGHUP');
  const endMs = performance.now() + reloadWaitMsMax;
  while (performance.now() < endMs) {
    await sleep(20);
    const now = readRunFile(folder);
    if (now === undefined || now.pid !== before.pid)
      throw new Failure('unreachable', 'the server ended while it was asked to reload');
    if (now.reloads === before.reloads) continue;
    if (now.problem === null) return;
    throw new Failure('config-invalid', now.problem, { hint: 'The old configuration stays in force.' });
  }
  throw new Failure('unreachable', `the server did not reload within ${reloadWaitMsMax / 1000} s`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: alive and another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

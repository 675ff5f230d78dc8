/**
 * `tvs.json` in the data folder: the TVS process of its server and who asked it for unknown signers. `status` shows them;
 * a server that starts asks the TVS that a crash of its predecessor left alone to make room.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeUtf8 } from '../base/text.ts';
import { tvsHandoverMs, tvsReportedDevicesMax } from '../base/limits-tvs.ts';
import type { UnknownSigner } from '../core/tvs/unknown-signers.ts';
import type { DataFolder } from '../store/data-folder.ts';
import { writeDurably } from '../store/durable.ts';
import { storageFailure } from '../store/storage-failure.ts';
import { readAll, readUnknownSigner } from './tvs-pipe.ts';

export interface TvsFile {
  /** 0: none runs. */
  readonly pid: number;
  /** Of the last run; who asked last comes last. */
  readonly unknownSigners: readonly UnknownSigner[];
}

export function writeTvsFile(folder: DataFolder, file: TvsFile): void {
  writeDurably(folder.tvsFile, encodeUtf8(`${JSON.stringify(file)}\n`), 0o600);
}

/** Undefined when there is none, or one that is not ours in shape. */
export function readTvsFile(folder: DataFolder): TvsFile | undefined {
  let text: string;
  try {
    text = readFileSync(folder.tvsFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw storageFailure(error, `read ${folder.tvsFile}`);
  }
  const value = JSON.parse(text) as { readonly pid?: unknown; readonly unknownSigners?: unknown };
  const unknownSigners = readAll(value.unknownSigners, tvsReportedDevicesMax, readUnknownSigner);
  const { pid } = value;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 0) return undefined;
  return unknownSigners && { pid, unknownSigners };
}

/** Asks a TVS that outlived its server to end, and waits until it has. */
export async function relieveOrphan(folder: DataFolder): Promise<void> {
  const pid = readTvsFile(folder)?.pid ?? 0;
  if (pid === 0 || !isTvsProcess(pid)) return;
  process.kill(pid, 'SIGTERM');
  const endMs = performance.now() + tvsHandoverMs;
  while (isTvsProcess(pid) && performance.now() < endMs) await sleep(10);
}

/** A process number is used again: only one that runs our entry is ours. */
function isTvsProcess(pid: number): boolean {
  try {
    return /\/tvs-process\.[jt]s\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch (error) {
    // ENOENT: it has ended (or there is no /proc, and then nobody can be told apart). ESRCH: it ends now.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/**
 * The `Share` port over any files (core/bulk/share.ts): temporary names, atomic renames, and the lock.
 * Refuses paths that leave the share or name what is hidden: they come from manifests, which anybody may have written.
 */
import { Failure } from '../base/errors.ts';
import { shareEntriesMax, shareLockMsMax } from '../base/limits.ts';
import { decodeUtf8, encodeUtf8, printable } from '../base/text.ts';
import { isHidden, isSharePath, unfinishedSuffix, type Share, type ShareLock } from '../core/bulk/share.ts';
import type { ShareFiles } from './share-files.ts';

/** Locks that this process holds now; what else carries its number was left by a connection that was cut. */
const held = new Set<string>();

export function createShare(files: ShareFiles, place: string): Share {
  return {
    place,
    async list(folder) {
      if (folder !== '') refusePath(folder);
      const names = (await files.list(folder)) ?? [];
      if (names.length > shareEntriesMax)
        throw new Failure('refused', `${place} holds more than ${shareEntriesMax} names`, {
          hint: 'Give the exchange a directory of its own.',
        });
      return names.filter((name) => !isHidden(name)).toSorted();
    },
    async read(path, bytesMax) {
      refusePath(path);
      return files.read(path, bytesMax);
    },
    write: (path, bytes) => writeWhole(files, path, bytes),
    async remove(path) {
      refusePath(path);
      await files.remove(path);
    },
    async tidy(folder) {
      if (folder !== '') refusePath(folder);
      for (const name of (await files.list(folder)) ?? [])
        if (isHidden(name) && name.endsWith(unfinishedSuffix)) await files.remove(join(folder, name));
    },
    lock: (name, holder) => lock(files, place, `.${name}.lock`, holder),
    close: () => files.close(),
  };
}

async function writeWhole(files: ShareFiles, path: string, bytes: Uint8Array): Promise<void> {
  refusePath(path);
  const folders = path.split('/').slice(0, -1);
  for (let depth = 1; depth <= folders.length; depth++)
    await files.makeFolder(folders.slice(0, depth).join('/'));
  const unfinished = unfinishedName(path);
  try {
    await files.create(unfinished, bytes);
    await files.rename(unfinished, path);
  } catch (error) {
    // The first failure is the one to tell; what is left is hidden, and the next writer tidies.
    await files.remove(unfinished).catch(() => undefined);
    throw error;
  }
}

async function lock(files: ShareFiles, place: string, path: string, holder: string): Promise<ShareLock> {
  const token = crypto.randomUUID();
  const mine = encodeUtf8(`${holder}\n${process.pid}\n${token}\n`);
  // Before it stands there: a look from this very process must find it alive.
  held.add(token);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await files.create(path, mine)) {
        return {
          async release() {
            held.delete(token);
            // Whoever waited for too long may have taken it over: then it is theirs.
            if (tokenOf(await files.read(path, lockBytesMax)) === token) await files.remove(path);
          },
        };
      }
      await takeAway(files, place, path, holder);
    }
    throw new Failure('refused', `another consolidation of ${place} begins at this moment`, {
      hint: 'Let one cluster do it, then look again.',
    });
  } catch (error) {
    held.delete(token);
    throw error;
  }
}

/** Holder, process and token, a line each. */
const lockBytesMax = 1_024;

function tokenOf(lockFile: Uint8Array | undefined): string | undefined {
  return lockFile && decodeUtf8(lockFile)?.split('\n')[2];
}

/** Makes room where nobody holds the lock any more; else Failure `refused`. */
async function takeAway(files: ShareFiles, place: string, path: string, holder: string): Promise<void> {
  const found = await files.read(path, lockBytesMax);
  if (found === undefined) return;
  const [owner = '', pid = ''] = (decodeUtf8(found) ?? '').split('\n');
  const token = tokenOf(found) ?? '';
  const gone = owner === holder && !held.has(token) && !runs(Number(pid));
  if (!gone && !(await isStale(files, path)))
    throw new Failure('refused', `${printable(owner)} consolidates ${place} right now`, {
      hint: `Wait for it; a lock that nobody holds any more ends by itself after ${shareLockMsMax / 60_000} minutes.`,
    });
  const aside = unfinishedName('stale-lock');
  if (await files.rename(path, aside)) await files.remove(aside);
}

/** By the clock of the share, which need not be ours. */
async function isStale(files: ShareFiles, path: string): Promise<boolean> {
  const clock = unfinishedName('clock');
  await files.create(clock, new Uint8Array());
  try {
    const [now, then] = [await files.modifiedMs(clock), await files.modifiedMs(path)];
    return then === undefined || (now !== undefined && now - then > shareLockMsMax);
  } finally {
    await files.remove(clock);
  }
}

/** Of this process only the locks in `held` live. */
function runs(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function unfinishedName(path: string): string {
  const at = path.lastIndexOf('/') + 1;
  return `${path.slice(0, at)}.${path.slice(at)}.${crypto.randomUUID()}${unfinishedSuffix}`;
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function refusePath(path: string): void {
  if (isSharePath(path)) return;
  throw new Failure('refused', `${JSON.stringify(path)} is no name of a file on a share`, {
    hint: 'Names there have at most 200 letters, digits, dots, hyphens and underscores, and begin with none of the dots.',
  });
}

/**
 * Writing a file so that after any crash the name holds the old bytes or the new ones, wholly, and after the
 * return the new ones: open(O_EXCL) beside it → write → fsync → rename → fsync(folder) (security.md §4).
 * Synchronous on purpose: the calls stand in one thread in this order, where a trace test can count them.
 * Refuses nothing but what the file system refuses: Failure `storage-full` or `storage-unreadable`.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  fstatSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { storageFailure } from './storage-failure.ts';

/** Unfinished writes end in this; a crash may leave one, and nothing reads it. */
export const unfinishedSuffix = '.unfinished';

const groupAndOther = 0o077;

let writes = 0;

/** `mode` is set exactly, whatever the umask. */
export function writeDurably(path: string, bytes: Uint8Array, mode: number): void {
  writePiecesDurably(path, [bytes], mode);
}

/** As `writeDurably`, for what is too large to be held in memory; gives the number of bytes. */
export function writePiecesDurably(path: string, pieces: Iterable<Uint8Array>, mode: number): number {
  const folder = dirname(path);
  const unfinished = join(folder, `.${basename(path)}.${process.pid}-${++writes}${unfinishedSuffix}`);
  let total = 0;
  try {
    const file = openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      fchmodSync(file, mode);
      for (const bytes of pieces) {
        // Named by place: Node writes to its own pipes too, a different number of times in each run.
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, total + at);
        total += bytes.length;
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
    syncFolder(folder);
    return total;
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw storageFailure(error, `write ${path}`);
  }
}

/** The name changes and lasts; both are in one folder. */
export function renameDurably(from: string, to: string): void {
  try {
    renameSync(from, to);
    syncFolder(dirname(to));
  } catch (error) {
    throw storageFailure(error, `rename ${from} to ${to}`);
  }
}

/** The name is gone, and stays gone; one that is not there is no error. */
export function removeDurably(path: string): void {
  try {
    rmSync(path, { force: true });
    syncFolder(dirname(path));
  } catch (error) {
    throw storageFailure(error, `remove ${path}`);
  }
}

/** An empty 0600 file and its name in the folder, for a database to grow in; one that exists stays as it is. */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    syncFolder(dirname(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw storageFailure(error, `create ${path}`);
  }
}

/** Makes a folder that only its owner may enter, and makes it last; whether it was new. */
export function makeFolderDurably(path: string): boolean {
  try {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return false;
    // Each folder that was made stands in the one above it, up to one that was there before.
    for (let made = path; ; made = dirname(made)) {
      syncFolder(dirname(made));
      if (made === first || made === dirname(made)) return true;
    }
  } catch (error) {
    throw storageFailure(error, `make the folder ${path}`);
  }
}

/**
 * A regular file that only its owner may read. Failure `storage-unreadable` when it is missing, a link,
 * no file, or readable by group or others.
 */
export function readPrivateFile(path: string): Uint8Array {
  let file: number;
  try {
    // O_NONBLOCK: a FIFO in its place must not hold the process.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw storageFailure(error, `read ${path}`);
  }
  try {
    const { mode } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      throw new Failure('storage-unreadable', `${path} is not a regular file`);
    refuseOpenMode(path, mode);
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    throw storageFailure(error, `read ${path}`);
  } finally {
    closeSync(file);
  }
}

/** Failure `storage-unreadable` when group or others have any right on a path of this mode. */
export function refuseOpenMode(path: string, mode: number): void {
  if ((mode & groupAndOther) === 0) return;
  const bits = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new Failure('storage-unreadable', `${path} is open to other users of this machine (mode ${bits})`, {
    hint: `Run: chmod go= '${path}' - and consider the keys in it known if others could log in.`,
  });
}

function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** A folder (0700) for what does not outlive the process. Failure `storage-unreadable` when it cannot be had. */
export function makeEmptyFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
  } catch (error) {
    throw storageFailure(error, `empty the folder ${path}`);
  }
}

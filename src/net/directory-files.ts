/**
 * A plain directory as a share: NFS, a USB stick, a folder that something else synchronises.
 * Refuses links and whatever is no regular file.
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { tooLongWords, type ShareFiles } from './share-files.ts';

export async function openDirectoryFiles(root: string): Promise<ShareFiles> {
  const at = (path: string): string => join(root, path);
  if (!(await failing(`open ${root}`, () => stat(root))).isDirectory())
    throw new Failure('storage-unreadable', `${root} is no directory`);
  return {
    list: (folder) => whereThere(`list ${at(folder)}`, () => readdir(at(folder))),
    read: (path, bytesMax) => whereThere(`read ${at(path)}`, () => readWhole(at(path), bytesMax)),
    create: (path, bytes) => failing(`write ${at(path)}`, () => createWhole(at(path), bytes)),
    async rename(from, to) {
      const done = await whereThere(`rename to ${at(to)}`, async () => {
        await rename(at(from), at(to));
        await syncFolder(dirname(at(to)));
        return true;
      });
      return done ?? false;
    },
    remove: (path) => failing(`remove ${at(path)}`, () => rm(at(path), { force: true })),
    async makeFolder(path) {
      await failing(`make ${at(path)}`, async () => {
        const made = await mkdir(at(path), { recursive: true });
        if (made !== undefined) await syncFolder(dirname(made));
        // Whoever else writes here could lead our files elsewhere.
        if (!(await lstat(at(path))).isDirectory())
          throw new Failure('refused', `${at(path)} is a link`, {
            hint: 'Ask who writes to the share, and take the link away.',
          });
      });
    },
    modifiedMs: (path) => whereThere(`look at ${at(path)}`, async () => (await stat(at(path))).mtimeMs),
    close: async () => undefined,
  };
}

async function readWhole(path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await openToRead(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Failure('format', `${path} is no regular file`);
    if (stats.size > bytesMax) throw new Failure('format', tooLongWords(path, bytesMax));
    // Not to its end: it may grow in between.
    const bytes = new Uint8Array(stats.size);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, done);
      if (bytesRead === 0) throw new Failure('format', `${path} became shorter while it was read`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** What stands there is the fault of whoever put it there, not of the share. */
async function openToRead(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: a FIFO in its place must not hold the process.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP' || code === 'ENXIO')
      throw new Failure('format', `${path} is no regular file`, { cause: error });
    if (code === 'EACCES')
      throw new Failure('permission-denied', `${path} may not be read`, {
        cause: error,
        hint: 'Whoever runs the command must be allowed to read what others write to the share.',
      });
    throw error;
  }
}

async function createWhole(path: string, bytes: Uint8Array): Promise<boolean> {
  let file;
  try {
    file = await open(path, 'wx', 0o644);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    // Half a lock would keep everybody out.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems sync no folders; the rename itself has happened.
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    await folder.close();
  }
}

async function whereThere<T>(doing: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw asShareFailure(doing, error);
  }
}

async function failing<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asShareFailure(doing, error);
  }
}

function asShareFailure(doing: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof Failure || code === undefined) return error;
  const message = `cannot ${doing}: ${code}`;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Failure('storage-full', message, { cause: error, hint: 'Make room on the share and repeat.' });
  return new Failure('storage-unreadable', message, {
    cause: error,
    hint: 'Check the path of the share and who may write there.',
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

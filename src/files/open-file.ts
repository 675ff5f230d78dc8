/**
 * Opens files that were judged before, and only those. O_NOFOLLOW refuses a link in the last place, O_NONBLOCK keeps
 * a FIFO from blocking a thread of the pool, and what was opened is compared with what was judged
 * (security.md §1: open once, check what was opened).
 */
import { constants, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import type { Content, FileIdentity } from '../core/files/resolution.ts';
import type { FileOpener, OpenedFile } from '../core/ports.ts';

export const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export const fileOpener: FileOpener = {
  async open(content) {
    const handle = await openQuietly(content.path);
    if (handle === undefined) return undefined;
    const stats = await handle.stat();
    if (stats.isFile() && sameIdentity(identityOf(stats), content.identity)) {
      return opened(handle, content.identity);
    }
    await handle.close();
    return undefined;
  },
};

/** The whole content in memory; `undefined` when it changed meanwhile or has more than `bytesMax` bytes. */
export async function readContent(
  opener: FileOpener,
  content: Content,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  if (content.kind === 'memory') return content.bytes.length <= bytesMax ? content.bytes : undefined;
  if (content.identity.size > bytesMax) return undefined;
  const file = await opener.open(content);
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(file.size);
    return (await file.read(bytes, 0)) === file.size ? bytes : undefined;
  } finally {
    await file.close();
  }
}

/** Fills `into` from `position`; fewer bytes only at the end of the file. */
export async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

export function identityOf(stats: Stats): FileIdentity {
  return {
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    mtimeMs: stats.mtimeMs,
  };
}

export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.device === b.device && a.inode === b.inode && a.size === b.size && a.mtimeMs === b.mtimeMs;
}

/** Whatever keeps a file from being opened, to the asker it is not there. */
async function openQuietly(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, openFlags);
  } catch {
    return undefined;
  }
}

function opened(handle: FileHandle, identity: FileIdentity): OpenedFile {
  return {
    size: identity.size,
    async read(into, position) {
      const filled = await readFully(handle, into, position);
      return sameIdentity(identityOf(await handle.stat()), identity) ? filled : undefined;
    },
    close: () => handle.close(),
  };
}

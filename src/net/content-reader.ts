/**
 * Content of a resolution as bytes for a transfer: memory as it is, a file through one open descriptor that is
 * compared with what was judged and held until the last transfer that began on it has ended.
 *
 * - Opened without following a last link and without blocking on a FIFO; only regular files.
 * - Transfers of the same file share descriptor and chunks; the chunks of all files share readCacheBytesMax.
 * - Size and modification time are compared again with every chunk: bytes of two contents are never mixed.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { concatBytes } from '../base/bytes.ts';
import { readCacheBytesMax, readChunkBytes } from '../base/limits.ts';
import type { Content, FileIdentity } from '../core/files/resolution.ts';

export interface ContentReader {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`, at once where they are at hand. Rejects with FileChanged. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  close(): void;
}

/** The file is not, or no longer, the one that was judged. */
export class FileChanged extends Error {
  override readonly name = 'FileChanged';
}

export function memoryReader(bytes: Uint8Array): ContentReader {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    close: () => undefined,
  };
}

/** Rejects with FileChanged, or with the system's error. */
export type OpenContent = (content: Content) => Promise<ContentReader>;

/** One per server: what it opens is shared among its transfers. */
export function contentOpener(): OpenContent {
  const files = new OpenFiles();
  return async (content) => {
    if (content.kind === 'memory') return memoryReader(content.bytes);
    return files.open(content.path, content.identity);
  };
}

/** Counted before it is open, so that nobody closes it between the opening and its first use. */
interface OpenFile {
  users: number;
  readonly opening: Promise<SharedFile>;
}

class OpenFiles {
  readonly #files = new Map<string, OpenFile>();
  readonly #chunks = new LRUCache<string, Uint8Array>({
    maxSize: readCacheBytesMax,
    sizeCalculation: (chunk) => Math.max(chunk.length, 1),
  });

  async open(path: string, identity: FileIdentity): Promise<ContentReader> {
    const { device, inode, size, mtimeMs } = identity;
    const key = `${path}\0${device}:${inode}:${size}:${mtimeMs}`;
    const entry = this.#files.get(key) ?? { users: 0, opening: this.#openNew(path, identity, key) };
    this.#files.set(key, entry);
    entry.users++;
    try {
      const file = await entry.opening;
      return new FileReader(file, () => {
        if (this.#leave(key, entry)) void file.close();
      });
    } catch (error) {
      this.#leave(key, entry);
      throw error;
    }
  }

  /** True for the last one. */
  #leave(key: string, entry: OpenFile): boolean {
    if (--entry.users > 0) return false;
    if (this.#files.get(key) === entry) this.#files.delete(key);
    return true;
  }

  async #openNew(path: string, identity: FileIdentity, key: string): Promise<SharedFile> {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const file = new SharedFile(handle, identity, key, this.#chunks);
    try {
      await file.compare();
    } catch (error) {
      await handle.close();
      throw error;
    }
    return file;
  }
}

class SharedFile {
  readonly identity: FileIdentity;
  readonly #handle: FileHandle;
  readonly #key: string;
  readonly #chunks: LRUCache<string, Uint8Array>;
  readonly #loading = new Map<number, Promise<Uint8Array>>();

  constructor(handle: FileHandle, identity: FileIdentity, key: string, chunks: LRUCache<string, Uint8Array>) {
    this.#handle = handle;
    this.identity = identity;
    this.#key = key;
    this.#chunks = chunks;
  }

  async compare(): Promise<void> {
    const now = await this.#handle.stat();
    const { device, inode, size, mtimeMs } = this.identity;
    const same = now.dev === device && now.ino === inode && now.size === size && now.mtimeMs === mtimeMs;
    if (!now.isFile() || !same) throw new FileChanged('not the file that was judged');
  }

  cached(chunk: number): Uint8Array | undefined {
    return this.#chunks.get(`${this.#key}:${chunk}`);
  }

  load(chunk: number): Promise<Uint8Array> {
    let loading = this.#loading.get(chunk);
    if (!loading) {
      loading = this.#read(chunk).finally(() => this.#loading.delete(chunk));
      this.#loading.set(chunk, loading);
    }
    return loading;
  }

  /** Reads under way end first; a failing close of a read-only descriptor loses nothing. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#loading.values());
    await Promise.allSettled([this.#handle.close()]);
  }

  async #read(chunk: number): Promise<Uint8Array> {
    const offset = chunk * readChunkBytes;
    const bytes = new Uint8Array(Math.min(readChunkBytes, this.identity.size - offset));
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, at, bytes.length - at, offset + at);
      if (bytesRead === 0) throw new FileChanged('shorter than it was');
      at += bytesRead;
    }
    await this.compare();
    this.#chunks.set(`${this.#key}:${chunk}`, bytes);
    return bytes;
  }
}

class FileReader implements ContentReader {
  readonly sizeBytes: number;
  readonly #file: SharedFile;
  readonly #onClose: () => void;
  #closed = false;

  constructor(file: SharedFile, closed: () => void) {
    this.#file = file;
    this.#onClose = closed;
    this.sizeBytes = file.identity.size;
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const first = Math.floor(offset / readChunkBytes);
    const last = Math.floor((offset + length - 1) / readChunkBytes);
    const parts: (Uint8Array | undefined)[] = [];
    for (let chunk = first; chunk <= last; chunk++) parts.push(this.#file.cached(chunk));
    this.#readAhead(last + 1);
    const start = offset - first * readChunkBytes;
    if (parts.every((part) => part !== undefined)) return cut(parts, start, length);
    return Promise.all(parts.map(async (part, i) => part ?? this.#file.load(first + i))).then((all) =>
      cut(all, start, length),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  /** One chunk ahead; a failure shows when the chunk is wanted. */
  #readAhead(chunk: number): void {
    if (chunk * readChunkBytes >= this.sizeBytes || this.#file.cached(chunk)) return;
    void Promise.allSettled([this.#file.load(chunk)]);
  }
}

function cut(parts: readonly Uint8Array[], start: number, length: number): Uint8Array {
  const joined = parts.length === 1 && parts[0] ? parts[0] : concatBytes(...parts);
  return joined.subarray(start, start + length);
}

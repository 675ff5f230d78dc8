/**
 * Where the bytes of a transfer come from: bytes in memory, or a file on disk that must stay what it was when
 * it was judged. A source lives as long as a cache or a transfer holds it, and then lets go of its file.
 * Refuses a path that is no regular file any more (a FIFO would block the thread) and reads past a change.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { assert } from '../../base/assert.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { FileContent, FileIdentity } from '../../core/files/resolution.ts';

export interface ByteSource {
  readonly sizeBytes: number;
  /** Fills `target` from `offset`; false when the bytes are no longer those of the file that was opened. */
  read(target: Uint8Array, offset: number): boolean;
  close(): void;
}

export function memorySource(bytes: Uint8Array): ByteSource {
  return new MemorySource(bytes);
}

/** The source of a file on disk, or why it cannot be opened. */
export function openSource(content: FileContent): Outcome<ByteSource, string> {
  try {
    // O_NONBLOCK: a FIFO put in the file's place must not block; O_NOFOLLOW: nor a link lead elsewhere.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    const descriptor = openSync(content.path, flags);
    const source = new FileSource(descriptor, content.identity);
    if (source.isUnchanged()) return good(source);
    source.close();
    return bad('the file is not the one that was judged');
  } catch (error) {
    return bad(`the file cannot be opened: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}

class MemorySource implements ByteSource {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  read(target: Uint8Array, offset: number): boolean {
    assert(offset + target.length <= this.#bytes.length, 'a read past the end of a file in memory');
    target.set(this.#bytes.subarray(offset, offset + target.length));
    return true;
  }

  close(): void {}
}

class FileSource implements ByteSource {
  readonly #descriptor: number;
  readonly #identity: FileIdentity;

  constructor(descriptor: number, identity: FileIdentity) {
    this.#descriptor = descriptor;
    this.#identity = identity;
  }

  get sizeBytes(): number {
    return this.#identity.size;
  }

  /** Same file, same size, same time of change: the open descriptor survives a rename over its name. */
  isUnchanged(): boolean {
    const stat = fstatSync(this.#descriptor);
    const { device, inode, size, mtimeMs } = this.#identity;
    return (
      stat.isFile() &&
      stat.dev === device &&
      stat.ino === inode &&
      stat.size === size &&
      stat.mtimeMs === mtimeMs
    );
  }

  read(target: Uint8Array, offset: number): boolean {
    try {
      let done = 0;
      while (done < target.length) {
        const read = readSync(this.#descriptor, target, done, target.length - done, offset + done);
        if (read === 0) return false;
        done += read;
      }
      // Judged after reading: what was read belongs to the file as it was.
      return this.isUnchanged();
    } catch (error) {
      // EIO and its kind: for this transfer the file is gone; whoever asks again meets the disk's state anew.
      assert(error instanceof Error, 'fs throws errors');
      return false;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

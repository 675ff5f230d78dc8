/**
 * Quarantine: where a remote's file lies from its first byte until it was judged, and where the large ones stay as long
 * as they are served. The first relayMemoryBytesMax bytes are held in memory, what is longer goes to disk as it comes.
 *
 * Bounded in all, per remote and per source (design.md §4); a file that would go over a bound is refused with Failure
 * `storage-full`. Nothing here outlives the process: its folder is made empty at the start (makeEmptyFolder, src/store/durable.ts).
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { Failure } from '../../base/errors.ts';
import {
  quarantineBytesMax,
  quarantineBytesPerRemoteMax,
  quarantineBytesPerSourceMax,
  relayMemoryBytesMax,
} from '../../base/limits.ts';
import type { ClusterId } from '../../core/cluster/remote.ts';
import type { Content } from '../../core/files/resolution.ts';
import type { Quarantine, QuarantinedFile } from '../../core/ports.ts';
import { identityOf } from '../open-file.ts';

export interface QuarantineOptions {
  /** Of this process only, and empty. */
  readonly folder: string;
  readonly bounds?: QuarantineBounds;
}

export interface QuarantineBounds {
  readonly bytesMax: number;
  readonly perRemoteMax: number;
  readonly perSourceMax: number;
}

const defaultBounds: QuarantineBounds = {
  bytesMax: quarantineBytesMax,
  perRemoteMax: quarantineBytesPerRemoteMax,
  perSourceMax: quarantineBytesPerSourceMax,
};

export function openQuarantine({ folder, bounds = defaultBounds }: QuarantineOptions): Quarantine {
  const all = new Tally(bounds.bytesMax, 'the quarantine');
  const remotes = new Tallies(bounds.perRemoteMax, 'the quarantine of this cluster');
  const sources = new Tallies(bounds.perSourceMax, 'the quarantine of this network');
  let lastNumber = 0;
  return {
    get bytes() {
      return all.bytes;
    },
    open(remote: ClusterId, source: string) {
      lastNumber += 1;
      const path = join(folder, String(lastNumber));
      return new StreamedFile(path, [all, remotes.of(remote), sources.of(source)]);
    },
  };
}

/** One bound and what stands against it. */
class Tally {
  bytes = 0;
  files = 0;
  readonly #max: number;
  readonly #what: string;

  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  refusal(more: number): Failure | undefined {
    if (this.bytes + more <= this.#max) return undefined;
    return new Failure('storage-full', `${this.#what} is full (${this.#max} bytes)`);
  }
}

/** Tallies that are forgotten when no file stands against them. */
class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #max: number;
  readonly #what: string;

  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  of(key: string): Tally {
    for (const [other, { files }] of this.#tallies) if (files === 0) this.#tallies.delete(other);
    const tally = this.#tallies.get(key) ?? new Tally(this.#max, this.#what);
    this.#tallies.set(key, tally);
    return tally;
  }
}

class StreamedFile implements QuarantinedFile {
  readonly #path: string;
  readonly #tallies: readonly Tally[];
  /** Up to relayMemoryBytesMax, then empty. */
  #memory = new Uint8Array(4096);
  #memoryEnd = 0;
  #handle: FileHandle | undefined;
  #reserved = 0;
  #state: 'open' | 'finished' | 'gone' = 'open';
  /** Calls of the disk, one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string, tallies: readonly Tally[]) {
    this.#path = path;
    this.#tallies = tallies;
    for (const tally of tallies) tally.files++;
  }

  /** What will go to disk anyway never lies in memory, what will not is given its room at once. */
  announce(sizeBytes: number): undefined {
    if (sizeBytes > relayMemoryBytesMax) this.#reserve(sizeBytes);
    if (this.#memoryEnd > 0 || this.#handle !== undefined) return undefined;
    this.#memory = new Uint8Array(sizeBytes > relayMemoryBytesMax ? 0 : Math.max(1, sizeBytes));
    return undefined;
  }

  write(bytes: Uint8Array, offset: number): Promise<void> | undefined {
    assert(this.#state === 'open', 'a file is written while it is open');
    const end = offset + bytes.length;
    if (this.#handle === undefined && end <= relayMemoryBytesMax && this.#memory.length > 0) {
      this.#keep(bytes, offset, end);
      return undefined;
    }
    this.#reserve(end);
    this.#last = this.#last.then(() => this.#toDisk(bytes, offset));
    return this.#last;
  }

  async finish(sizeBytes: number): Promise<Content> {
    assert(this.#state === 'open', 'a file is finished once');
    await this.#last;
    const handle = this.#handle;
    this.#state = 'finished';
    if (handle === undefined) return { kind: 'memory', bytes: this.#memory.slice(0, sizeBytes) };
    await handle.truncate(sizeBytes);
    const identity = identityOf(await handle.stat());
    await handle.close();
    return { kind: 'file', path: this.#path, identity };
  }

  discard(): void {
    if (this.#state === 'gone') return;
    const open = this.#state === 'open';
    this.#state = 'gone';
    this.#memory = new Uint8Array(0);
    for (const tally of this.#tallies) {
      tally.bytes -= this.#reserved;
      tally.files--;
    }
    const end = async (): Promise<void> => {
      if (open) await this.#handle?.close();
      if (this.#handle) await rm(this.#path, { force: true });
    };
    // What cannot be removed now goes when the folder is emptied at the next start.
    void this.#last.then(end, end).catch(() => undefined);
  }

  #keep(bytes: Uint8Array, offset: number, end: number): void {
    if (end > this.#memory.length) {
      const grown = new Uint8Array(Math.min(relayMemoryBytesMax, Math.max(end, this.#memory.length * 2)));
      grown.set(this.#memory);
      this.#memory = grown;
    }
    this.#memory.set(bytes, offset);
    this.#memoryEnd = Math.max(this.#memoryEnd, end);
  }

  async #toDisk(bytes: Uint8Array, offset: number): Promise<void> {
    if (this.#handle === undefined) {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      this.#handle = await open(this.#path, flags, 0o600);
      await writeAll(this.#handle, this.#memory.subarray(0, this.#memoryEnd), 0);
      this.#memory = new Uint8Array(0);
    }
    await writeAll(this.#handle, bytes, offset);
  }

  /** All bounds or none; a file counts from the moment it goes to disk, by what was announced or by its end. */
  #reserve(sizeBytes: number): void {
    const more = sizeBytes - this.#reserved;
    if (more <= 0) return;
    for (const tally of this.#tallies) {
      const refusal = tally.refusal(more);
      if (refusal) throw refusal;
    }
    for (const tally of this.#tallies) tally.bytes += more;
    this.#reserved = sizeBytes;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, offset + at);
    at += bytesWritten;
  }
}

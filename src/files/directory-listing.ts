/**
 * Listings of directories for case-insensitive look-ups, kept until the directory changes. Only regular files and
 * directories are listed, never links, FIFOs, devices or hidden names.
 *
 * A directory says by its times that it changed, but its clock is coarse: a listing made within
 * `directoryClockGrainMs` of the last change may have missed one that bears the same time, and is made again.
 * A very large directory that changes all the time is listed at most for `directoryScanShare` of the time; until
 * then its old listing answers (exact names never depend on it).
 */
import { opendir, stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import {
  directoriesKnownMax,
  directoryClockGrainMs,
  directoryEntriesMax,
  directoryScanShare,
} from '../base/limits.ts';

export interface DirectoryListings {
  /** Entries of `directory` whose names equal `name` but for case, in a fixed order; none when there is no such directory. */
  spellings(directory: string, name: string, kind: 'file' | 'directory'): Promise<readonly string[]>;
}

interface Listing {
  readonly changed: string;
  readonly changedMs: number;
  readonly listedAtMs: number;
  /** Monotonic time until which making it anew would cost more than its share. */
  readonly keptUntil: number;
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly directories: ReadonlyMap<string, readonly string[]>;
}

export function createDirectoryListings(): DirectoryListings {
  const listings = new LRUCache<string, Listing>({ max: directoriesKnownMax });
  const underWay = new Map<string, Promise<Listing | undefined>>();

  const current = async (directory: string): Promise<Listing | undefined> => {
    const stats = await stat(directory, { bigint: true }).catch(() => undefined);
    if (stats === undefined || !stats.isDirectory()) return undefined;
    const changed = `${stats.dev}:${stats.ino}:${stats.mtimeNs}:${stats.ctimeNs}`;
    const known = listings.get(directory);
    if (known !== undefined && (isCurrent(known, changed) || isTooCostly(known))) return known;
    const running = underWay.get(directory);
    if (running !== undefined) return running;
    const listing = list(directory, changed, Number(stats.ctimeMs)).finally(() => underWay.delete(directory));
    underWay.set(directory, listing);
    const made = await listing;
    if (made === undefined) listings.delete(directory);
    else listings.set(directory, made);
    return made;
  };

  return {
    async spellings(directory, name, kind) {
      const listing = await current(directory);
      return (kind === 'file' ? listing?.files : listing?.directories)?.get(name.toLowerCase()) ?? [];
    },
  };
}

function isCurrent(listing: Listing, changed: string): boolean {
  return listing.changed === changed && listing.listedAtMs - listing.changedMs > directoryClockGrainMs;
}

function isTooCostly(listing: Listing): boolean {
  return performance.now() < listing.keptUntil;
}

/** Lists in batches, so that the event loop turns between them; `undefined` when the directory cannot be read. */
async function list(directory: string, changed: string, changedMs: number): Promise<Listing | undefined> {
  const listedAtMs = Date.now();
  const begun = performance.now();
  const files = new Map<string, string[]>();
  const directories = new Map<string, string[]>();
  try {
    let entries = 0;
    for await (const entry of await opendir(directory, { bufferSize: 512 })) {
      if (++entries > directoryEntriesMax) break;
      if (entry.name.startsWith('.')) continue;
      if (entry.isFile()) add(files, entry.name);
      else if (entry.isDirectory()) add(directories, entry.name);
    }
  } catch {
    return undefined;
  }
  const ended = performance.now();
  const keptUntil = ended + (ended - begun) / directoryScanShare;
  return { changed, changedMs, listedAtMs, keptUntil, files, directories };
}

function add(names: Map<string, string[]>, name: string): void {
  const key = name.toLowerCase();
  const spellings = names.get(key);
  if (spellings === undefined) names.set(key, [name]);
  else spellings.splice(0, spellings.length, ...[...spellings, name].sort());
}

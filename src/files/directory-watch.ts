/**
 * Tells when something changed in the directories that files were served from, so that the edge need not ask for
 * each file again. Where the kernel cannot watch (network file systems, no watches left) it says so, and answers
 * from there live only for `freshUnwatchedMs`.
 */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import type { EventSink } from '../base/events.ts';
import {
  directoriesKnownMax,
  directoryChangesTogetherMs,
  freshUnwatchedMs,
  directoryLookMs,
  freshWatchedMs,
} from '../base/limits.ts';

export interface DirectoryWatch {
  /** Starts watching where needed; gives how long an answer from this directory may be repeated. */
  freshFor(directory: string): Promise<number>;
  close(): void;
}

interface Watched {
  readonly watcher: FSWatcher | undefined;
  readonly inode: bigint;
  checkedAtMs: number;
}

export function createDirectoryWatch(options: {
  readonly onChange: () => void;
  readonly onEvent: EventSink;
}): DirectoryWatch {
  const watched = new Map<string, Watched>();
  const changed = tellTogether(options.onChange);
  let warned = false;

  const begin = (directory: string): FSWatcher | undefined => {
    try {
      const watcher = watch(directory, { persistent: false }, () => changed.tell());
      watcher.on('error', (error) => {
        watcher.close();
        watched.delete(directory);
        warn(directory, error);
      });
      return watcher;
    } catch (error) {
      warn(directory, error);
      return undefined;
    }
  };

  const warn = (directory: string, error: unknown): void => {
    if (warned) return;
    warned = true;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `changes in ${directory} are noticed after ${freshUnwatchedMs} ms only: ${reason}`;
    options.onEvent({ type: 'warning', topic: 'directory-watch', message });
  };

  /** A directory that was replaced by another of the same path is watched anew. */
  const look = async (directory: string): Promise<Watched | undefined> => {
    const stats = await stat(directory, { bigint: true }).catch(() => undefined);
    const known = watched.get(directory);
    if (stats !== undefined && known?.inode === stats.ino) {
      known.checkedAtMs = performance.now();
      return known;
    }
    if (known !== undefined) {
      known.watcher?.close();
      watched.delete(directory);
      // What was answered from the new one was not watched.
      changed.tell();
    }
    if (stats === undefined || watched.size >= directoriesKnownMax) return undefined;
    const watcher = (await announcesChanges(directory)) ? begin(directory) : undefined;
    const entry = { watcher, inode: stats.ino, checkedAtMs: performance.now() };
    // Two look-ups may have arrived here together; the second one's watcher stands.
    watched.get(directory)?.watcher?.close();
    watched.set(directory, entry);
    return entry;
  };

  return {
    async freshFor(directory) {
      const known = watched.get(directory);
      const isDue = known === undefined || performance.now() - known.checkedAtMs > directoryLookMs;
      const entry = isDue ? await look(directory) : known;
      return entry?.watcher === undefined ? freshUnwatchedMs : freshWatchedMs;
    },
    close() {
      changed.stop();
      for (const { watcher } of watched.values()) watcher?.close();
      watched.clear();
    },
  };
}

/** The first change is told at once, those that follow closely as one more after them. */
function tellTogether(onChange: () => void): { tell(): void; stop(): void } {
  let waiting: NodeJS.Timeout | undefined;
  let again = false;
  const tell = (): void => {
    if (waiting !== undefined) {
      again = true;
      return;
    }
    onChange();
    waiting = setTimeout(() => {
      waiting = undefined;
      if (!again) return;
      again = false;
      tell();
    }, directoryChangesTogetherMs);
    waiting.unref();
  };
  return { tell, stop: () => clearTimeout(waiting) };
}

/** On these another machine changes files and the local kernel hears nothing (statfs(2)). */
const remoteFileSystems: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x65735546, // FUSE
  0x01021997, // 9P
  0x00c36400, // Ceph
]);

async function announcesChanges(directory: string): Promise<boolean> {
  const facts = await statfs(directory).catch(() => undefined);
  return facts !== undefined && !remoteFileSystems.has(facts.type >>> 0);
}

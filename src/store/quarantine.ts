/** The `Quarantine` port: one private file for each purpose in the node's folder, replaced whole. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Quarantine } from '../core/bulk/quarantine.ts';
import { makeFolderDurably, readPrivateFile, writeDurably } from './durable.ts';
import { storageFailure } from './storage-failure.ts';

export function createQuarantine(folder: string): Quarantine {
  const file = (purpose: string): string => join(folder, `${purpose}.json`);
  return {
    save(purpose, bytes) {
      makeFolderDurably(folder);
      writeDurably(file(purpose), bytes, 0o600);
    },
    find: (purpose) => (existsSync(file(purpose)) ? readPrivateFile(file(purpose)) : undefined),
    discard(purpose) {
      try {
        rmSync(file(purpose), { force: true });
      } catch (error) {
        throw storageFailure(error, `remove ${file(purpose)}`);
      }
    },
  };
}

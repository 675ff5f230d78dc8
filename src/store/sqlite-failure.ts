/** SQLite's result codes (sqlite.org/rescode.html) as Failures; anything else is a bug and passed on as it is. */
import { SqliteError } from 'better-sqlite3';
import { Failure, type ErrorCode } from '../base/errors.ts';

const known: readonly (readonly [prefix: string, code: ErrorCode, what: string, hint: string])[] = [
  ['SQLITE_FULL', 'storage-full', 'the disk is full', 'Make room on the file system and repeat.'],
  ['SQLITE_BUSY', 'storage-busy', 'another process is writing', 'Repeat when it has finished.'],
  ['SQLITE_LOCKED', 'storage-busy', 'it is locked', 'Repeat in a moment.'],
  ['SQLITE_CORRUPT', 'storage-corrupt', 'it is damaged', 'Restore a backup.'],
  ['SQLITE_NOTADB', 'storage-corrupt', 'it is not a database', 'Restore a backup.'],
  ['SQLITE_CANTOPEN', 'storage-unreadable', 'it cannot be opened', 'Check the path and its owner.'],
  [
    'SQLITE_READONLY',
    'storage-unreadable',
    'it is read-only here',
    'Run as the user who owns the data folder.',
  ],
  ['SQLITE_PERM', 'storage-unreadable', 'permission denied', 'Run as the user who owns the data folder.'],
  ['SQLITE_IOERR', 'storage-unreadable', 'the file system reports an error', 'Check the disk.'],
];

export function sqliteFailure(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError)) return error;
  const entry = known.find(([prefix]) => error.code === prefix || error.code.startsWith(`${prefix}_`));
  if (!entry) return error;
  const [, code, what, hint] = entry;
  return new Failure(code, `database ${path}: ${what} (${error.code})`, { hint, cause: error });
}

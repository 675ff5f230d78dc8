/**
 * A copy of the database as it is at one moment, while others go on writing; and whether a copy that came back is
 * whole. SQLite only: another database has its own tools for both.
 */
import Sqlite from 'better-sqlite3';
import { Failure } from '../base/errors.ts';
import { createPrivateFile } from './durable.ts';
import { sqliteFailure } from './sqlite-failure.ts';

/** `into` is a new file, 0600; compact and without a journal beside it. */
export function snapshotDatabase(path: string, into: string): void {
  createPrivateFile(into);
  withFile(path, (file) => file.prepare('vacuum into ?').run(into));
}

/** Failure `storage-corrupt` with the first thing that is wrong. */
export function checkDatabase(path: string): void {
  const found = withFile(path, (file) => file.pragma('integrity_check(1)', { simple: true }));
  if (found !== 'ok')
    throw new Failure('storage-corrupt', `database ${path} is damaged: ${String(found)}`, {
      hint: 'Take an older backup.',
    });
}

function withFile<T>(path: string, work: (file: Sqlite.Database) => T): T {
  try {
    const file = new Sqlite(path, { readonly: true, fileMustExist: true });
    try {
      return work(file);
    } finally {
      file.close();
    }
  } catch (error) {
    throw sqliteFailure(error, path);
  }
}

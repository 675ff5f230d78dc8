/**
 * The `Database` on SQLite (better-sqlite3): WAL, synchronous=FULL, one connection, write transactions that take the
 * lock at once. better-sqlite3 is synchronous, so waiting for another process happens outside of it, in short turns
 * (busy_timeout of milliseconds, then a timer). Every SQLite error leaves here as a Failure.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import {
  Kysely,
  sql,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
} from 'kysely';
import { Failure } from '../base/errors.ts';
import { databaseWaitMsMax } from '../base/limits.ts';
import type { ColumnTypes, Database } from './database.ts';
import { createPrivateFile } from './durable.ts';
import type { Schema } from './schema.ts';
import { sqliteFailure } from './sqlite-failure.ts';

export interface SqliteOptions {
  readonly path: string;
  readonly readonly?: boolean;
  /** Make the file when there is none; otherwise that is a Failure. */
  readonly create?: boolean;
}

/** One turn of waiting inside SQLite holds the event loop this long. */
const busyTimeoutMs = 5;
const retryAfterMs = 15;

const columns: ColumnTypes = {
  blob: sql`blob`,
  time: sql`integer`,
  idType: sql`integer`,
  id: (column) => column.primaryKey().autoIncrement(),
  tableEnd: sql`strict`,
  nowMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  // SQLite's generator is seeded by the operating system.
  randomSalt: sql<string>`lower(hex(randomblob(16)))`,
  appendOnly: (table) =>
    ['update', 'delete'].map(
      (verb) =>
        sql`create trigger ${sql.id(`${table}_no_${verb}`)} before ${sql.raw(verb)} on ${sql.table(table)}
            begin select raise(abort, ${sql.lit(`${table} is append-only`)}); end`,
    ),
  // `insert or replace` deletes without asking the delete trigger (recursive_triggers is off, and each connection's own).
  refuseReplacing: (table, key) => [
    sql`create trigger ${sql.id(`${table}_no_replace`)} before insert on ${sql.table(table)}
        when exists (select 1 from ${sql.table(table)} where ${sql.ref(key)} = new.${sql.ref(key)})
        begin select raise(abort, ${sql.lit(`${table} is append-only`)}); end`,
  ],
  // Nothing to tell others with: they ask.
  announce: () => [],
};

export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const { path, readonly = false } = options;
  const file = await patiently(async () => openFile(options));
  const query = new Kysely<Schema>({
    dialect: {
      createDriver: () => new Driver(file, path),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
  });

  return {
    query,
    columns,
    async write(work) {
      if (readonly) throw new Failure('storage-unreadable', `database ${path} was opened for reading only`);
      return patiently(() => query.transaction().execute(work));
    },
    reopen: () => openSqlite({ path, readonly: true }),
    async close() {
      await query.destroy();
      // Kysely closes what it has used; a connection that never ran a query is still open.
      file.close();
    },
  };
}

function openFile({ path, readonly = false, create = false }: SqliteOptions): Sqlite.Database {
  if (!existsSync(path)) {
    if (!create)
      throw new Failure('storage-unreadable', `there is no database ${path}`, {
        hint: 'Make one with tftp-pki init, or check the path given by --data.',
      });
    // SQLite would take the umask's word for the mode; its -wal and -shm files copy the database's.
    createPrivateFile(path);
  }
  return mapErrors(path, () => {
    const file = new Sqlite(path, { readonly, fileMustExist: true, timeout: busyTimeoutMs });
    try {
      if (!readonly) file.pragma('journal_mode = WAL');
      file.pragma('synchronous = FULL');
      file.pragma('foreign_keys = ON');
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  });
}

/** Runs `work` again while another process holds the lock, for as long as databaseWaitMsMax. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + databaseWaitMsMax;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const busy = error instanceof Failure && error.code === 'storage-busy';
      if (!busy || performance.now() > deadline) throw error;
      await sleep(retryAfterMs);
    }
  }
}

function mapErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteFailure(error, path);
  }
}

class Driver extends SqliteDriver {
  readonly #file: Sqlite.Database;
  readonly #path: string;

  constructor(file: Sqlite.Database, path: string) {
    super({ database: file });
    this.#file = file;
    this.#path = path;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return new Connection(await super.acquireConnection(), this.#file, this.#path);
  }

  /**
   * A deferred transaction that reads first and then writes cannot wait for a writer: SQLITE_BUSY_SNAPSHOT.
   * One attempt only: the connection is given back while we wait, so that reading goes on.
   */
  override async beginTransaction(): Promise<void> {
    mapErrors(this.#path, () => this.#file.exec('begin immediate'));
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.commitTransaction(connection);
    } catch (error) {
      await this.rollbackTransaction(connection);
      this.#coverFailedCommit();
      throw error;
    }
  }

  /**
   * A commit whose fsync failed stands in the journal, whole, and the next process that opens the file alone would take
   * it for good, after we said that it failed. A write of nothing goes to the same place and covers it.
   */
  #coverFailedCommit(): void {
    try {
      this.#file.exec('begin immediate; pragma user_version = 0; commit');
    } catch (error) {
      if (!(error instanceof Sqlite.SqliteError)) throw error;
      // Its sync may fail like the other one; what counts is that it was written.
      if (this.#file.inTransaction) this.#file.exec('rollback');
    }
  }

  /** SQLite has already rolled back by itself on a full disk; a second rollback would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#file.inTransaction) await super.rollbackTransaction(connection);
  }
}

/** Kysely's connection with our errors, and patience for the moments in which SQLite lets nobody read. */
class Connection implements DatabaseConnection {
  readonly #inner: DatabaseConnection;
  readonly #file: Sqlite.Database;
  readonly #path: string;

  constructor(inner: DatabaseConnection, file: Sqlite.Database, path: string) {
    this.#inner = inner;
    this.#file = file;
    this.#path = path;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // In a transaction the lock is ours; outside, another process may be opening or closing the file.
    return this.#file.inTransaction ? this.#once(query) : patiently(() => this.#once<R>(query));
  }

  streamQuery<R>(query: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#inner.streamQuery(query, chunkSize);
  }

  async #once<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return await this.#inner.executeQuery<R>(query);
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }
}

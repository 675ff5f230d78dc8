/**
 * The `Database` on PostgreSQL (pg): a small pool, write transactions that take one advisory lock at their start, so
 * that writers of all nodes come one after the other as they do on SQLite. Every error of the driver leaves here as a
 * Failure. Refuses a server older than the oldest one that is still maintained, and one that answers too slowly.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import {
  Client,
  DatabaseError,
  Pool,
  TypeOverrides,
  types,
  type PoolClient,
  type QueryResult as PgResult,
} from 'pg';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import { databaseAnswerMsMax } from '../base/limits-database.ts';
import {
  databaseConnectionsMax,
  databaseConnectMsMax,
  databaseStatementMsMax,
  databaseWaitMsMax,
} from '../base/limits.ts';
import type { ColumnTypes, Database } from './database.ts';
import { postgresFailure } from './postgres-failure.ts';
import type { Schema } from './schema.ts';

export interface PostgresOptions {
  /** `postgres://user@host[:port]/database`; a password may stand in it, in PGPASSWORD or in the file PGPASSFILE. */
  readonly url: string;
  readonly readonly?: boolean;
  /** A server that says nothing for so long is gone; for who has something else to go on with. */
  readonly answerMsMax?: number | undefined;
}

/** What told of a change carries is a number, never content (design.md §7). */
export const revisionChannel = 'tftp_pki_revision';
/** One lock per database: any fixed number that no other program of it uses ("tftppki" in ASCII). */
const writeLock = '32760422078410601';

const columns: ColumnTypes = {
  blob: sql`bytea`,
  time: sql`bigint`,
  idType: sql`integer`,
  id: (column) => column.generatedByDefaultAsIdentity().primaryKey(),
  tableEnd: sql``,
  nowMs: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  // gen_random_uuid() has 122 random bits and is the core's only strong generator; two make more than the 128 of md5.
  randomSalt: sql<string>`md5(gen_random_uuid()::text || gen_random_uuid()::text)`,
  appendOnly: (table) => [
    sql`create function ${sql.id(`${table}_append_only`)}() returns trigger language plpgsql as
        ${sql.lit(`begin raise exception '${table} is append-only'; end`)}`,
    sql`create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
        for each statement execute function ${sql.id(`${table}_append_only`)}()`,
  ],
  // Its only replacing insert is `on conflict do update`, of which the trigger for updates is asked.
  refuseReplacing: () => [],
  announce: (table, column) => [
    sql`create function ${sql.id(`${table}_announced`)}() returns trigger language plpgsql as ${sql.lit(
      `begin perform pg_notify('${revisionChannel}', new.${column}::text); return new; end`,
    )}`,
    sql`create trigger ${sql.id(`${table}_announced`)} after update on ${sql.table(table)}
        for each row execute function ${sql.id(`${table}_announced`)}()`,
  ],
};

/** int8 as a number: counters and epoch milliseconds stay far below 2^53. */
const readers = new TypeOverrides();
readers.setTypeParser(types.builtins.INT8, (text: string) => {
  const value = Number(text);
  assert(Number.isSafeInteger(value), 'a number of the database is a safe integer');
  return value;
});

export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, readonly = false, answerMsMax = databaseAnswerMsMax } = options;
  const where = placeOf(url);
  const pool = new Pool({
    connectionString: url,
    types: readers,
    max: databaseConnectionsMax,
    connectionTimeoutMillis: databaseConnectMsMax,
    statement_timeout: databaseStatementMsMax,
    query_timeout: answerMsMax,
    keepAlive: true,
    application_name: 'tftp-pki',
    ...(readonly && { options: '-c default_transaction_read_only=on' }),
  });
  // A connection that breaks while nobody uses it is dropped by the pool; the next question says what is wrong.
  pool.on('error', () => undefined);
  const query = new Kysely<Schema>({
    dialect: {
      createDriver: () => new PoolDriver(pool, where),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (db) => new PostgresIntrospector(db),
    },
  });
  try {
    await refuseOld(query, where);
  } catch (error) {
    await query.destroy();
    throw error;
  }
  return {
    query,
    columns,
    async write(work) {
      if (readonly) throw new Failure('storage-unreadable', `${where} was opened for reading only`);
      return patiently(() =>
        query.transaction().execute(async (transaction) => {
          await sql`select pg_advisory_xact_lock(${sql.raw(writeLock)})`.execute(transaction);
          return work(transaction);
        }),
      );
    },
    snapshot: (work) => query.transaction().setIsolationLevel('repeatable read').execute(work),
    reopen: () => openPostgres({ url, readonly: true }),
    listen: (onRevision) => listen(url, onRevision),
    close: () => query.destroy(),
  };
}

/**
 * A connection of its own that is told of revisions, made again whenever it breaks; after each (re)connection
 * `onRevision` is called too, since what was told meanwhile is lost.
 */
function listen(url: string, onRevision: () => void): () => void {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const again = (): void => {
    client = undefined;
    if (!ended) timer ??= setTimeout(connect, listenAgainMs);
  };
  const connect = (): void => {
    timer = undefined;
    const fresh = new Client({
      connectionString: url,
      connectionTimeoutMillis: databaseConnectMsMax,
      keepAlive: true,
      application_name: 'tftp-pki listen',
    });
    client = fresh;
    fresh.on('notification', onRevision);
    fresh.on('error', () => undefined);
    fresh.on('end', again);
    fresh
      .connect()
      .then(() => fresh.query(`listen ${revisionChannel}`))
      .then(onRevision, () => fresh.end())
      .catch(again);
  };
  connect();
  return () => {
    ended = true;
    clearTimeout(timer);
    void client?.end();
  };
}

/** Without the password. */
function placeOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Failure('config-invalid', 'the address of the database is not a URL', {
      hint: 'postgres://user@host:5432/name',
    });
  }
  return `database ${parsed.host}${parsed.pathname}`;
}

const oldestVersion = 13;

async function refuseOld(query: Kysely<Schema>, where: string): Promise<void> {
  const { rows } = await sql<{ server_version_num: string }>`show server_version_num`.execute(query);
  const major = Math.floor(Number(rows[0]?.server_version_num) / 10_000);
  if (major >= oldestVersion) return;
  throw new Failure(
    'storage-unreadable',
    `${where} is PostgreSQL ${major}; ${oldestVersion} or newer is needed`,
  );
}

/** Runs `work` again when the server ended it to break a deadlock or a wait, for as long as databaseWaitMsMax. */
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

const retryAfterMs = 15;
const listenAgainMs = 500;

/** pg rejects with what is thrown here as a Failure, so that no text of the driver with an address in it gets out. */
class PoolDriver implements Driver {
  readonly #pool: Pool;
  readonly #where: string;

  constructor(pool: Pool, where: string) {
    this.#pool = pool;
    this.#where = where;
  }

  async init(): Promise<void> {
    // The pool connects when it is asked.
  }

  async acquireConnection(): Promise<Connection> {
    try {
      return new Connection(await this.#pool.connect(), this.#where);
    } catch (error) {
      throw postgresFailure(error, this.#where);
    }
  }

  /** Waiting for the writers' lock ends before an administrator would give up. */
  async beginTransaction(connection: Connection, { isolationLevel }: TransactionSettings): Promise<void> {
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`;
    await connection.run(`begin${level}; set local lock_timeout = ${databaseWaitMsMax}`);
  }

  async commitTransaction(connection: Connection): Promise<void> {
    await connection.run('commit');
  }

  /** A connection that is gone has rolled back by itself; a second error would hide why. */
  async rollbackTransaction(connection: Connection): Promise<void> {
    if (!connection.isBroken) await connection.run('rollback');
  }

  async releaseConnection(connection: Connection): Promise<void> {
    connection.release();
  }

  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

class Connection implements DatabaseConnection {
  readonly #client: PoolClient;
  readonly #where: string;
  isBroken = false;

  constructor(client: PoolClient, where: string) {
    this.#client = client;
    this.#where = where;
    client.on('error', this.#broke);
  }

  readonly #broke = (): void => {
    this.isBroken = true;
  };

  async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount, command } = await this.run(text, parameters.map(bytesAsBuffer));
    const counts = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE';
    return { rows: rows as R[], ...(counts && { numAffectedRows: BigInt(rowCount ?? 0) }) };
  }

  // oxlint-disable-next-line require-yield -- nothing of ours streams; Kysely's interface has it
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new TypeError('queries are not streamed');
  }

  async run(text: string, parameters?: unknown[]): Promise<PgResult> {
    try {
      return await this.#client.query(text, parameters);
    } catch (error) {
      // Whatever is no answer of the server means that the connection cannot be trusted any more.
      if (!(error instanceof DatabaseError)) this.isBroken = true;
      throw postgresFailure(error, this.#where);
    }
  }

  release(): void {
    this.#client.off('error', this.#broke);
    this.#client.release(this.isBroken);
  }
}

/** pg takes a Uint8Array of any length for an array of numbers. */
function bytesAsBuffer(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

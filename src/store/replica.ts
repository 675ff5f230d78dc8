/**
 * A node's own copy of the cluster's database (`snapshot.sqlite`), from which it serves: what a phone gets never waits
 * for the network, and goes on while the database is away, also after a restart. Small tables are copied when their
 * digest is another one, large ones by the marks of their rows; one copy is one moment of the source and comes into
 * view at once. It holds what the database holds: 0600, as keys and passphrase beside it.
 *
 * What this node signed while the source was away is in it too, with the mark `owed`, until it has been told.
 */
import { sql, type Transaction } from 'kysely';
import Sqlite from 'better-sqlite3';
import { assert } from '../base/assert.ts';
import { replicaCacheKibibytes, replicaRowsPerFetch } from '../base/limits-database.ts';
import { databaseWaitMsMax } from '../base/limits.ts';
import type { Database } from './database.ts';
import { migrate, migrations } from './migrate.ts';
import type { Schema } from './schema.ts';
import { sqliteFailure } from './sqlite-failure.ts';
import { openSqlite } from './sqlite.ts';
import type { LastSigned, SignedName } from './tables/signed-timestamp.ts';

/** The mark of rows that the source does not know yet. */
export const owed = -1;

/** Where the source was when it was copied. */
export interface CopiedMoment {
  readonly revision: number;
  readonly mark: number;
}

export interface Replica {
  /** Read it; what is written here is `owed`. */
  readonly database: Database;
  /** Undefined until there was a first copy. */
  copied(): CopiedMoment | undefined;
  /** All that changed since; everything where the source is not the one of before. */
  copy(source: Database): Promise<void>;
  /** Timestamps that the source gave to this node, before the next copy brings them. */
  note(signed: readonly SignedRow[]): void;
  close(): Promise<void>;
}

export type SignedRow = SignedName & LastSigned;

/** Makes the file when there is none. */
export async function openReplica(path: string): Promise<Replica> {
  const database = await openSqlite({ path, create: true });
  try {
    await migrate(database, { readonly: false });
    return new CopiedDatabase(path, database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

const smallTables = [
  'cluster',
  'node',
  'certificate',
  'generation',
  'trust_list',
  'trust_state',
  'provisioning',
  'document_template',
  'rotation',
  'remote_cluster',
  'remote_server',
  'remote_list',
  'revision',
] as const;
const markedTables = ['device', 'device_home', 'signed_timestamp'] as const;

type Reader = Transaction<Schema>;
/** As JSON has it: in the order of the columns, bytes in hex. */
type Row = (string | number | Buffer | null)[];

class CopiedDatabase implements Replica {
  readonly database: Database;
  readonly #path: string;
  /** Beside Kysely's: rows go in by the hundred thousand, in the order of the source and not of their references. */
  readonly #file: Sqlite.Database;
  readonly #digests = new Map<string, string>();
  #isCounted = false;
  readonly #notes: SignedRow[] = [];

  constructor(path: string, database: Database) {
    this.database = database;
    this.#path = path;
    this.#file = new Sqlite(path, { fileMustExist: true, timeout: databaseWaitMsMax });
    this.#file.pragma('foreign_keys = OFF');
    // A copy that a power cut takes is made again; what is owed goes by the other connection.
    this.#file.pragma('synchronous = NORMAL');
    this.#file.pragma(`cache_size = -${replicaCacheKibibytes}`);
    this.#file.exec(`create table if not exists copy (singleton integer primary key check (singleton = 1),
      mark integer not null, schema integer not null) strict`);
  }

  copied(): CopiedMoment | undefined {
    const row = this.#file
      .prepare<[], CopiedMoment & { schema: number }>(
        'select copy.mark, copy.schema, revision.number as revision from copy, revision',
      )
      .get();
    // Of an older program's schema: it can be served, and is not up to date with anything.
    return row && { mark: row.schema === migrations.length ? row.mark : everything, revision: row.revision };
  }

  async copy(source: Database): Promise<void> {
    assert(source.snapshot !== undefined, 'what is copied can be read as of one moment');
    await source.snapshot(async (reader) => {
      const known = await this.#since(reader);
      const tables = await this.#changedTables(reader);
      this.#run('begin immediate');
      try {
        for (const table of tables) await this.#replace(reader, table);
        await this.#copyMarked(reader, known);
        this.#run('commit');
        this.#isCounted = true;
      } catch (error) {
        this.#digests.clear();
        if (this.#file.inTransaction) this.#run('rollback');
        throw error;
      }
      this.#writeNotes();
    });
  }

  note(signed: readonly SignedRow[]): void {
    this.#notes.push(...signed);
    // A copy that is under way would put older rows over these.
    if (!this.#file.inTransaction) this.#writeNotes();
  }

  async close(): Promise<void> {
    this.#file.close();
    await this.database.close();
  }

  /** The mark up to which rows are here; below all of them when this is no copy of that database. */
  async #since(reader: Reader): Promise<number> {
    const stored = this.#file
      .prepare<[], { mark: number; schema: number }>('select mark, schema from copy')
      .get();
    if (stored === undefined || stored.schema !== migrations.length) return everything;
    const { number } = await reader.selectFrom('change_count').select('number').executeTakeFirstOrThrow();
    if (number < stored.mark || (await this.#identity(reader)) !== this.#ownIdentity()) return everything;
    if (this.#isCounted) return stored.mark;
    // A source that was restored from a backup has other rows under the same marks: mostly another number of them.
    for (const table of markedTables) {
      const theirs = await count(reader, table, stored.mark);
      const ours = this.#file
        .prepare<[], { n: number }>(`select count(*) as n from ${table} where mark <> ${owed}`)
        .get()?.n;
      // Rows that were removed or signed anew since are no longer under their old marks.
      if (theirs > (ours ?? 0)) return everything;
    }
    return stored.mark;
  }

  async #identity(reader: Reader): Promise<string> {
    const row = await reader.selectFrom('cluster').select(['id', 'created_ms']).executeTakeFirst();
    return row === undefined ? '' : `${row.id} ${row.created_ms}`;
  }

  #ownIdentity(): string {
    const row = this.#file
      .prepare<[], { id: string; created_ms: number }>('select id, created_ms from cluster')
      .get();
    return row === undefined ? '' : `${row.id} ${row.created_ms}`;
  }

  async #changedTables(reader: Reader): Promise<readonly string[]> {
    const digests = smallTables.map(
      (table) =>
        `select '${table}' as name, md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as digest from ${table} t`,
    );
    const { rows } = await sql
      .raw<{ name: string; digest: string }>(digests.join(' union all '))
      .execute(reader);
    const changed = rows.filter(({ name, digest }) => this.#digests.get(name) !== digest);
    for (const { name, digest } of changed) this.#digests.set(name, digest);
    return changed.map(({ name }) => name);
  }

  async #replace(reader: Reader, table: string): Promise<void> {
    this.#run(`delete from ${table}`);
    await this.#take(reader, table);
  }

  async #copyMarked(reader: Reader, since: number): Promise<void> {
    const { number } = await reader.selectFrom('change_count').select('number').executeTakeFirstOrThrow();
    if (since === everything) {
      for (const table of ['device', 'device_line', 'device_home', 'signed_timestamp'])
        this.#run(
          `delete from ${table} ${table.startsWith('device') && table !== 'device_home' ? '' : `where mark <> ${owed}`}`,
        );
    }
    if (since < number) {
      await this.#forget(reader, since);
      const isNew = `mark > ${since}`;
      const dropLines = this.#file.prepare('delete from device_line where device = ?');
      await this.#take(reader, 'device', isNew, (name) => {
        if (since !== everything) dropLines.run(name);
      });
      const ofNew = `device in (select name from device where ${isNew})`;
      await this.#take(reader, 'device_line', since === everything ? 'true' : ofNew);
      await this.#take(reader, 'device_home', isNew);
      await this.#take(reader, 'signed_timestamp', isNew);
    }
    this.#run(
      'delete from device_home where cluster is not null and cluster not in (select id from remote_cluster)',
    );
    this.#file
      .prepare('insert or replace into copy (singleton, mark, schema) values (1, ?, ?)')
      .run(number, migrations.length);
  }

  /** Before the others: a device that came back is taken after it. */
  async #forget(reader: Reader, since: number): Promise<void> {
    if (since === everything) return;
    const gone = await reader.selectFrom('device_gone').select('name').where('mark', '>', since).execute();
    for (const { name } of gone) {
      this.#file.prepare('delete from device_line where device = ?').run(name);
      this.#file.prepare('delete from device where name = ?').run(name);
    }
  }

  /** `before` is given the first column of each row. */
  async #take(
    reader: Reader,
    table: string,
    where = 'true',
    before: (key: unknown) => void = () => undefined,
  ): Promise<void> {
    const columns = this.#file.pragma(`table_info(${table})`) as ColumnInfo[];
    const named = columns.map(({ name }) => `"${name}"`);
    const blobs = columns.flatMap(({ type }, at) => (isBlob(type) ? [at] : []));
    const insert = this.#file.prepare(
      `insert or replace into ${table} (${named.join()}) values (${named.map(() => '?').join()})`,
    );
    for await (const rows of piecesOf(reader, table, columns, where))
      for (const row of rows) {
        before(row[0]);
        for (const at of blobs) row[at] = bytesOf(row[at]);
        insert.run(row);
      }
  }

  #writeNotes(): void {
    const insert = this.#file.prepare(
      `insert into signed_timestamp (signer, name, content_sha256, timestamp, mark) values (?, ?, ?, ?, 0)
       on conflict (signer, name) do update set content_sha256 = excluded.content_sha256,
         timestamp = excluded.timestamp where excluded.timestamp > signed_timestamp.timestamp`,
    );
    const notes = this.#notes.splice(0);
    this.#file.transaction(() => {
      for (const { signer, name, contentSha256, timestamp } of notes)
        insert.run(signer, name, contentSha256, timestamp);
    })();
  }

  #run(text: string): void {
    try {
      this.#file.exec(text);
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }
}

/** Below every mark. */
const everything = -1;

/** As SQLite tells it; `pk` counts the columns of the primary key from 1. */
interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
}

const isBlob = (type: string): boolean => type.toUpperCase() === 'BLOB';

function bytesOf(hex: Row[number] | undefined): Row[number] {
  return typeof hex === 'string' ? Buffer.from(hex, 'hex') : null;
}

/**
 * In pieces by the primary key: neither side holds a table in memory, and phones are answered in between. Each piece is
 * one text, which costs half of what a value for every column of every row does, and the next one is on its way while
 * one is written.
 */
async function* piecesOf(
  reader: Reader,
  table: string,
  columns: readonly ColumnInfo[],
  where: string,
): AsyncIterableIterator<readonly Row[]> {
  const keyed = columns.map(({ pk }, at) => ({ pk, at })).filter(({ pk }) => pk > 0);
  const places = keyed.toSorted((a, b) => a.pk - b.pk).map(({ at }) => at);
  assert(places.length > 0, 'a table that is copied has a primary key');
  const key = places.map((at) => `"${columns[at]?.name}"`).join();
  const told = columns.map(({ name, type }) => (isBlob(type) ? `encode("${name}", 'hex')` : `"${name}"`));
  const page = async (last: Row | undefined): Promise<readonly Row[]> => {
    const after =
      last === undefined ? sql`` : sql` and (${sql.raw(key)}) > (${sql.join(places.map((at) => last[at]))})`;
    const { rows } = await sql<{ rows: string | null }>`
      select string_agg(row, ',') as rows from (
        select json_build_array(${sql.raw(told.join())})::text as row from ${sql.raw(table)}
        where ${sql.raw(where)}${after} order by ${sql.raw(key)} limit ${sql.lit(replicaRowsPerFetch)}) piece`.execute(
      reader,
    );
    return JSON.parse(`[${rows[0]?.rows ?? ''}]`) as Row[];
  };
  let piece = await page(undefined);
  while (piece.length === replicaRowsPerFetch) {
    const next = page(piece.at(-1));
    // Where writing fails nobody waits for it.
    next.catch(() => undefined);
    yield piece;
    piece = await next;
  }
  yield piece;
}

async function count(reader: Reader, table: (typeof markedTables)[number], upTo: number): Promise<number> {
  const { rows } = await sql
    .raw<{ n: number }>(`select count(*) as n from ${table} where mark <= ${upTo}`)
    .execute(reader);
  return rows[0]?.n ?? 0;
}

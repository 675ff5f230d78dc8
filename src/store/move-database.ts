/**
 * Every row of a node's SQLite into an empty PostgreSQL: one transaction that is committed when what stands there reads
 * back as it was read here, table by table, by count and digest. The file is only read. Refused: a database that holds
 * another cluster, or this one with other rows; what an interrupted call had finished is recognised and left.
 */
import { sql, type Transaction } from 'kysely';
import Sqlite from 'better-sqlite3';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import { movedRowsPerStatement, replicaRowsPerFetch } from '../base/limits-database.ts';
import { encodeUtf8, toHex } from '../base/text.ts';
import type { Crypto } from '../core/ports.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

/** In the order of their references; `schema_migration` is each database's own. */
const tables = [
  'cluster',
  'node',
  'certificate',
  'rotation',
  'document_template',
  'device',
  'device_line',
  'device_gone',
  'generation',
  'trust_list',
  'trust_state',
  'signed_timestamp',
  'revision',
  'change_count',
  'audit',
  'provisioning',
  'remote_cluster',
  'remote_server',
  'remote_list',
  'device_home',
  'bulk_peer',
  'bulk_export',
  'node_state',
  'belief',
  'belief_gap',
  'tvs_asked',
  'tvs_report',
] as const;

/** Rows that a new database has already. */
const begun = ['trust_state', 'revision', 'change_count', 'provisioning', 'bulk_export'];

export interface MovedTable {
  readonly table: string;
  readonly rows: number;
  /** SHA-256 over its rows in any order, lower-case hex. */
  readonly sha256: string;
}

export interface MoveOptions {
  /** A node's database of this program's schema. */
  readonly path: string;
  readonly target: Database;
  readonly crypto: Pick<Crypto, 'digest'>;
  readonly onProgress: (rows: number, of: number) => void;
}

type Row = Record<string, unknown>;

/** What is in the target afterwards. Failure `refused`, or `storage-corrupt` when it does not keep what it is given. */
export async function moveDatabase({
  path,
  target,
  crypto,
  onProgress,
}: MoveOptions): Promise<readonly MovedTable[]> {
  const file = new Sqlite(path, { readonly: true, fileMustExist: true });
  try {
    refuseUnknownTables(file);
    // One moment of the file, whoever writes to it meanwhile.
    file.exec('begin');
    const here = tables.map((table) => describe(crypto, table, rowsOf(file, table)));
    const of = here.reduce((sum, { rows }) => sum + rows, 0);
    await target.write(async (transaction) => {
      if (await holdsCluster(transaction)) {
        refuseDifferent(here, await describeAll(crypto, transaction), 'the database holds a cluster already');
        return;
      }
      let done = 0;
      for (const table of begun) await sql.raw(`delete from ${table}`).execute(transaction);
      for (const table of tables)
        for (const rows of piecesOf(rowsOf(file, table))) {
          await insert(transaction, table, rows);
          onProgress((done += rows.length), of);
        }
      await countOn(transaction, 'certificate', 'id');
      await countOn(transaction, 'remote_cluster', 'seq');
      refuseDifferent(
        here,
        await describeAll(crypto, transaction),
        'the database did not keep what it was given',
      );
    });
    return here;
  } finally {
    file.close();
  }
}

/** A table that a later migration makes must find its place above. */
function refuseUnknownTables(file: Sqlite.Database): void {
  const found = file
    .prepare<[], string>("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all();
  const known = new Set<string>([...tables, 'schema_migration']);
  assert(
    found.every((name) => known.has(name)) && found.length === known.size,
    'every table of the schema is moved',
  );
}

function rowsOf(file: Sqlite.Database, table: string): IterableIterator<Row> {
  return file.prepare<[], Row>(`select * from ${table}`).iterate();
}

function* piecesOf(rows: Iterable<Row>): Generator<readonly Row[]> {
  let piece: Row[] = [];
  for (const row of rows) {
    piece.push(row);
    if (piece.length < movedRowsPerStatement) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

async function insert(transaction: Transaction<Schema>, table: string, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const values = rows.map((row) => sql`(${sql.join(columns.map((name) => row[name]))})`);
  await sql`insert into ${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))}) values ${sql.join(values)}`.execute(
    transaction,
  );
}

/** Its own numbers go on above those that came. */
async function countOn(transaction: Transaction<Schema>, table: string, column: string): Promise<void> {
  await sql
    .raw(
      `select setval(pg_get_serial_sequence('${table}', '${column}'), coalesce(max(${column}), 0) + 1, false) from ${table}`,
    )
    .execute(transaction);
}

async function holdsCluster(transaction: Transaction<Schema>): Promise<boolean> {
  return (await transaction.selectFrom('cluster').select('id').executeTakeFirst()) !== undefined;
}

async function describeAll(
  crypto: Pick<Crypto, 'digest'>,
  transaction: Transaction<Schema>,
): Promise<readonly MovedTable[]> {
  const described: MovedTable[] = [];
  for (const table of tables) {
    const sum = new Sum(crypto, table);
    await sql.raw(`declare moved no scroll cursor for select * from ${table}`).execute(transaction);
    for (;;) {
      const { rows } = await sql.raw<Row>(`fetch ${replicaRowsPerFetch} from moved`).execute(transaction);
      for (const row of rows) sum.add(row);
      if (rows.length < replicaRowsPerFetch) break;
    }
    await sql.raw('close moved').execute(transaction);
    described.push(sum.end());
  }
  return described;
}

function describe(crypto: Pick<Crypto, 'digest'>, table: string, rows: Iterable<Row>): MovedTable {
  const sum = new Sum(crypto, table);
  for (const row of rows) sum.add(row);
  return sum.end();
}

function refuseDifferent(here: readonly MovedTable[], there: readonly MovedTable[], what: string): void {
  const other = here.find(({ table, rows, sha256 }, at) => {
    const found = there[at];
    return found?.table !== table || found.rows !== rows || found.sha256 !== sha256;
  });
  if (other === undefined) return;
  throw new Failure('refused', `${what}: ${other.table} is not as it is in the folder`, {
    hint: 'createdb makes an empty one; the folder is as it was.',
  });
}

/** Databases give rows in an order of their own, so the digests of rows are added up. */
class Sum {
  readonly #crypto: Pick<Crypto, 'digest'>;
  readonly #table: string;
  readonly #sum = new Uint8Array(32);
  #rows = 0;

  constructor(crypto: Pick<Crypto, 'digest'>, table: string) {
    this.#crypto = crypto;
    this.#table = table;
  }

  add(row: Row): void {
    this.#rows += 1;
    const columns = Object.keys(row).toSorted();
    const text = JSON.stringify(columns.map((name) => [name, plain(row[name])]));
    let carry = 0;
    for (const [at, byte] of this.#crypto.digest('sha256', encodeUtf8(text)).entries()) {
      carry += (this.#sum[at] ?? 0) + byte;
      this.#sum[at] = carry & 0xff;
      carry >>= 8;
    }
  }

  end(): MovedTable {
    return { table: this.#table, rows: this.#rows, sha256: toHex(this.#sum) };
  }
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

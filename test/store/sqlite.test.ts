import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { CompiledQuery } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import type { Store } from '../../src/core/ports.ts';
import { migrate, migrations } from '../../src/store/migrate.ts';
import { createStore, openStore } from '../../src/store/open-store.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { sqliteFailure } from '../../src/store/sqlite-failure.ts';
import { audit, cluster, crypto, device, list, node } from './store-values.ts';
import { sharedBeliefCases } from './shared-beliefs.case.ts';
import { storeCases } from './store.case.ts';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tftp-pki-store-'));

storeCases('the store on SQLite', async () => {
  const folder = newFolder();
  const path = join(folder, 'database.sqlite');
  const store = await openStore({ path, create: true, crypto });
  return {
    store,
    another: () => openStore({ path, crypto }),
    async close() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

let folder: string;
let path: string;
beforeEach(() => {
  folder = newFolder();
  path = join(folder, 'database.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true }));

sharedBeliefCases((thisNode) => openStore({ path, create: true, thisNode, crypto }));

/** What `work` fails with; fails the test when it does not. */
async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Failure);
  return outcome as Failure;
}

describe('opening', () => {
  test('a database that is not there is not made by chance', async () => {
    const failure = await failureOf(openStore({ path, crypto }));
    expect(failure).toMatchObject({ code: 'storage-unreadable' });
    expect(failure.hint).toContain('tftp-pki init');
    expect(
      (await failureOf(openStore({ path: join(folder, 'no', 'where.sqlite'), create: true, crypto }))).code,
    ).toBe('storage-unreadable');
  });

  test('the files are for their owner only', async () => {
    const store = await openStore({ path, create: true, crypto });
    await store.addDevice(device('SEP1'));
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    await store.close();
  });

  test('a folder, a text file, a damaged database', async () => {
    mkdirSync(path);
    expect((await failureOf(openStore({ path, crypto }))).code).toBe('storage-unreadable');
    rmSync(path, { recursive: true });
    writeFileSync(path, 'this is a text file and no database at all\n'.repeat(100));
    expect((await failureOf(openStore({ path, crypto }))).code).toBe('storage-corrupt');
    rmSync(path);
    const store = await openStore({ path, create: true, crypto });
    for (let i = 0; i < 50; i++) await store.addDevice(device(`SEP${i}`));
    await store.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 4096));
    expect((await failureOf(openStore({ path, crypto }).then((damaged) => damaged.listDevices()))).code).toBe(
      'storage-corrupt',
    );
  });

  test('reading only: reads, refuses to write, and to bring a schema forward', async () => {
    const old = await openSqlite({ path, create: true });
    await migrate(old, { readonly: false, steps: migrations.slice(0, 2) });
    await old.close();
    expect((await failureOf(openStore({ path, readonly: true, crypto }))).hint).toContain('bring it forward');
    const writer = await openStore({ path, crypto });
    await writer.createCluster(cluster, node, [], audit);
    const reader = await openStore({ path, readonly: true, crypto });
    expect(await reader.readCluster()).toEqual(cluster);
    expect((await failureOf(reader.addDevice(device('SEP1')))).code).toBe('storage-unreadable');
    await reader.close();
    await writer.close();
  });
});

describe('migrations', () => {
  test('each step brings an older database forward and keeps what is in it', async () => {
    for (let have = 1; have < migrations.length; have++) {
      const at = join(folder, `from-${have}.sqlite`);
      const old = await openSqlite({ path: at, create: true });
      await migrate(old, { readonly: false, steps: migrations.slice(0, have) });
      await old.query.insertInto('node').values({ name: 'kept', created_ms: 1 }).execute();
      await old.close();
      const store = await openStore({ path: at, crypto });
      expect(await store.listNodes()).toEqual([{ name: 'kept', createdMs: 1 }]);
      await store.publish([list('itl', 'x')], () => undefined, audit);
      await store.close();
    }
  });

  test('a step that fails leaves the database as it was', async () => {
    const database = await openSqlite({ path, create: true });
    const broken = { number: 3, name: 'broken', up: () => Promise.reject(new Failure('refused', 'broken')) };
    await failureOf(migrate(database, { readonly: false, steps: [...migrations.slice(0, 2), broken] }));
    const tables = await database.query.introspection.getTables();
    expect(tables).toEqual([]);
    await database.close();
  });

  test('a database of a newer program is refused and named', async () => {
    const store = await openStore({ path, create: true, crypto });
    await store.close();
    const raw = new Sqlite(path);
    raw.exec(`insert into schema_migration values (${migrations.length + 1}, 'from the future')`);
    raw.close();
    const failure = await failureOf(openStore({ path, crypto }));
    expect(failure).toMatchObject({ code: 'storage-unreadable' });
    expect(failure.hint).toContain('newer tftp-pki');
  });

  test('two openings of a new database at once both succeed', async () => {
    const stores = await Promise.all([
      openStore({ path, create: true, crypto }),
      openStore({ path, create: true, crypto }),
    ]);
    await Promise.all(stores.map((store, i) => store.addDevice(device(`SEP${i}`))));
    expect(await stores[0].listDevices()).toHaveLength(2);
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe('another process', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ path, create: true, crypto });
  });
  afterEach(() => store.close());

  test('writes at the same time: nothing is lost and it is noticed here', async () => {
    const before = await store.version();
    const other = run('add', '40');
    for (let i = 0; i < 40; i++) await store.addDevice(device(`SEPA${i}`));
    expect(await other).toEqual({ code: 0, signal: null });
    expect(await store.listDevices()).toHaveLength(80);
    expect(await store.version()).toBeGreaterThanOrEqual(before + 41);
  });

  test('killed in the middle of a publication: the old lists are current, the next one goes through', async () => {
    const first = await store.publish([list('itl', 'old')], () => undefined, audit);
    expect(await run('die-publishing')).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'old'), generation: first }]);
    expect(await store.listGeneration(first + 1)).toEqual([]);
    const next = await store.publish(
      [list('itl', 'new')],
      (_staged, current) => {
        expect(current[0]?.generation).toBe(first);
      },
      audit,
    );
    expect(next).toBe(first + 2);
  });

  test('holds the lock: a writer waits without holding the event loop', async () => {
    const holder = new Sqlite(path);
    holder.exec('begin immediate');
    let turns = 0;
    const ticking = setInterval(() => turns++, 10);
    const waiting = store.addDevice(device('SEP1'));
    setTimeout(() => holder.exec('commit'), 300);
    await waiting;
    clearInterval(ticking);
    holder.close();
    // Blocked for the whole time it would be none; with turns of 5 ms there is room for at least a few.
    expect(turns).toBeGreaterThan(2);
    expect(await store.findDevice('SEP1')).toBeDefined();
  });

  test('has the file for itself: opening waits', async () => {
    await store.close();
    const holder = new Sqlite(path);
    holder.pragma('locking_mode = EXCLUSIVE');
    holder.exec('begin exclusive; commit');
    setTimeout(() => holder.close(), 200);
    store = await openStore({ path, crypto });
    expect(holder.open).toBe(false);
    expect(await store.listDevices()).toEqual([]);
  });

  test('never lets go of the lock: storage-busy, and reading goes on', async () => {
    const holder = new Sqlite(path);
    holder.exec('begin immediate');
    const failure = await failureOf(store.addDevice(device('SEP1')));
    expect(failure.code).toBe('storage-busy');
    expect(await store.listDevices()).toEqual([]);
    holder.exec('rollback');
    holder.close();
    await store.addDevice(device('SEP1'));
  });

  function run(...args: readonly string[]): Promise<{ code: number | null; signal: string | null }> {
    const program = fileURLToPath(new URL('other-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, path, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve({ code, signal }));
    });
  }
});

describe('a full disk', () => {
  test('the change is refused whole, what was there is served, and room brings it back', async () => {
    const database = await openSqlite({ path, create: true });
    await migrate(database, { readonly: false });
    const store = createStore(database, crypto);
    const first = await store.publish([list('itl', 'old')], () => undefined, audit);
    // SQLite's own bound on pages gives the error that a full file system gives, at the same place.
    const pages = (count: number) =>
      database.query.executeQuery(CompiledQuery.raw(`pragma max_page_count = ${count}`));
    await pages(1);
    const failure = await failureOf(store.publish([list('itl', 'n'.repeat(60_000))], () => undefined, audit));
    expect(failure).toMatchObject({ code: 'storage-full' });
    expect(failure.hint).toContain('room');
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'old'), generation: first }]);
    await pages(100_000);
    await store.publish([list('itl', 'n'.repeat(60_000))], () => undefined, audit);
    await store.close();
  });
});

describe('SQLite result codes', () => {
  test.each([
    ['SQLITE_FULL', 'storage-full'],
    ['SQLITE_IOERR_FSYNC', 'storage-unreadable'],
    ['SQLITE_CORRUPT_INDEX', 'storage-corrupt'],
    ['SQLITE_NOTADB', 'storage-corrupt'],
    ['SQLITE_BUSY_SNAPSHOT', 'storage-busy'],
    ['SQLITE_LOCKED', 'storage-busy'],
    ['SQLITE_CANTOPEN_ISDIR', 'storage-unreadable'],
    ['SQLITE_READONLY_DBMOVED', 'storage-unreadable'],
  ])('%s is %s and has a hint', (code, expected) => {
    const failure = sqliteFailure(sqliteError(code), '/data/database.sqlite') as Failure;
    expect(failure).toMatchObject({ code: expected });
    expect(failure.hint).toBeTruthy();
    expect(failure.message).toContain('/data/database.sqlite');
  });

  test('a bug of ours stays one', () => {
    const error = sqliteError('SQLITE_CONSTRAINT_PRIMARYKEY');
    expect(sqliteFailure(error, 'x')).toBe(error);
    expect(sqliteFailure('text', 'x')).toBe('text');
  });
});

function sqliteError(code: string): Error {
  return new Sqlite.SqliteError('text', code);
}

/** The store on a real PostgreSQL: the suite of every database, and what only this one has (design.md §7). */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { openStore } from '../../src/store/open-store.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { audit, crypto, device, list } from './store-values.ts';
import { sharedBeliefCases } from './shared-beliefs.case.ts';
import { storeCases } from './store.case.ts';

let server: PostgresServer;
beforeAll(() => {
  server = startPostgres();
});
afterAll(() => server.stop());

storeCases('the store on PostgreSQL', async () => {
  const url = await server.newDatabase();
  const store = await openStore({ url, crypto });
  return { store, another: () => openStore({ url, crypto }), close: () => store.close() };
});

let shared: Promise<string> | undefined;
sharedBeliefCases(async (thisNode) => {
  shared ??= server.newDatabase();
  return openStore({ url: await shared, thisNode, crypto });
});

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Failure);
  return outcome as Failure;
}

describe('opening', () => {
  test('what is not there is said without the password, with the next step', async () => {
    const url = await server.newDatabase();
    const missing = url.replace('postgres@', 'postgres:hunter2@').replace(/test_\d+/, 'nowhere');
    const noDatabase = await failureOf(openStore({ url: missing, crypto }));
    expect(noDatabase).toMatchObject({
      code: 'storage-unreadable',
      hint: expect.stringContaining('createdb'),
    });
    const refused = await failureOf(openStore({ url: 'postgres://u:hunter2@127.0.0.1:1/x', crypto }));
    expect(refused).toMatchObject({ code: 'unreachable', hint: expect.stringContaining('running') });
    const stranger = await failureOf(openStore({ url: url.replace('postgres@', 'stranger@'), crypto }));
    expect(stranger).toMatchObject({ code: 'storage-unreadable', hint: expect.stringContaining('pg_hba') });
    for (const { message, hint } of [noDatabase, refused, stranger])
      expect(`${message} ${hint}`).not.toContain('hunter2');
  });

  test('two processes that open an empty database at once make one schema', async () => {
    const url = await server.newDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ url, crypto })));
    await Promise.all(stores.map((store, index) => store.addDevice(device(`SEP${index}`))));
    expect(await stores[0]?.countDevices()).toBe(3);
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe('writers', () => {
  test('exclude each other; one that never ends is storage-busy for the others, and reading goes on', async () => {
    const url = await server.newDatabase();
    const store = await openStore({ url, crypto });
    const stuck = await openPostgres({ url });
    let letGo = (): void => undefined;
    const holding = new Promise<void>((resolve) => (letGo = resolve));
    let locked = (): void => undefined;
    const isLocked = new Promise<void>((resolve) => (locked = resolve));
    const transaction = stuck.write(async () => {
      locked();
      await holding;
    });
    await isLocked;
    const waiting = failureOf(store.addDevice(device('SEP1')));
    expect(await store.listDevices()).toEqual([]);
    expect((await waiting).code).toBe('storage-busy');
    letGo();
    await transaction;
    await store.addDevice(device('SEP1'));
    await stuck.close();
    await store.close();
  }, 60_000);

  test('the database itself refuses to change, delete or empty the audit', async () => {
    const url = await server.newDatabase();
    const store = await openStore({ url, crypto });
    await store.recordAudit(audit);
    const direct = await openPostgres({ url });
    const again = 'insert into audit select * from audit on conflict (seq) do update set who = excluded.who';
    for (const statement of ['update audit set who = who', 'delete from audit', 'truncate audit', again])
      await expect(sql.raw(statement).execute(direct.query)).rejects.toThrow(/append-only/);
    expect(await store.listAudit()).toHaveLength(1);
    await direct.close();
    await store.close();
  });
});

describe('a server that dies', () => {
  test('is unreachable while it is away; the same store goes on when it is back, and is told of changes again', async () => {
    const url = await server.newDatabase();
    const store = await openStore({ url, crypto });
    const other = await openStore({ url, crypto });
    let told = 0;
    const end = store.onVersion(() => (told += 1));
    await until(() => told > 0);
    server.kill();
    expect((await failureOf(store.listDevices())).code).toBe('unreachable');
    expect((await failureOf(store.publish([list('itl', 'x')], () => undefined, audit))).code).toBe(
      'unreachable',
    );
    server.start();
    const before = told;
    await until(() => told > before);
    const version = await store.version();
    const toldBefore = told;
    await other.addDevice(device('SEP1'));
    await until(() => told > toldBefore);
    expect(await store.version()).toBe(version + 1);
    end();
    await Promise.all([store.close(), other.close()]);
  }, 60_000);
});

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('it did not come in 20 s');
    await delay(20);
  }
}

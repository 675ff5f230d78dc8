/**
 * A serving node's store on a real PostgreSQL that comes and goes (src/store/subscription.ts): the copy says what the
 * source says, what is signed without the source is later than what phones have seen, and the source is told.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../src/core/ports.ts';
import { filesBook } from '../../src/core/signing/sign-file.ts';
import { openMigrated, openStore } from '../../src/store/open-store.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { createWorkLocks } from '../../src/store/postgres-work.ts';
import { openSubscription, type Subscription } from '../../src/store/subscription.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { seeded } from '../helpers/prng.ts';
import { audit, cluster, crypto, device, list, node } from './store-values.ts';

let folder: string;
let isKilled = false;
let server: PostgresServer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-copy-'));
  server = startPostgres();
});
afterAll(() => {
  if (isKilled) server.start();
  server.stop();
  rmSync(folder, { recursive: true });
});

interface World {
  readonly url: string;
  readonly path: string;
  readonly source: Store;
  readonly copy: Subscription;
}

let worlds = 0;

function subscribe(url: string, path: string, lookEveryMs?: number): Promise<Subscription> {
  return openSubscription({
    openSource: async () => openMigrated(await openPostgres({ url, answerMsMax: 5_000 })),
    locks: createWorkLocks(url),
    path,
    crypto,
    thisNode: node.name,
    lookEveryMs,
  });
}

async function newWorld(): Promise<World> {
  const url = await server.newDatabase();
  const path = join(folder, `${++worlds}.sqlite`);
  const source = await openStore({ url, crypto });
  await source.createCluster(cluster, node, [], audit);
  return { url, path, source, copy: await subscribe(url, path) };
}

async function close({ source, copy }: World): Promise<void> {
  await Promise.all([source.close(), copy.store.close()]);
}

/** All that phones are answered from. */
async function served(store: Store): Promise<unknown> {
  const devices = await store.listDevices();
  return {
    devices,
    sources: await Promise.all(devices.map(({ name }) => store.findBuildSource(name))),
    lists: await store.currentLists(),
    published: await store.listPublished(),
    provisioning: await store.readProvisioning(),
    remotes: await store.listRemotes(),
    homes: await Promise.all(homed.map((name) => store.findHome(name))),
    version: await store.version(),
  };
}

const homed = ['SEP00000000000A', 'SEP00000000000B'];

async function caughtUp({ source, copy }: Pick<World, 'source' | 'copy'>): Promise<void> {
  await expect
    .poll(() => served(copy.store), { timeout: 20_000, interval: 20 })
    .toEqual(await served(source));
}

test('the copy says what the source says, whatever was changed in which order', async () => {
  const world = await newWorld();
  const { source } = world;
  const random = seeded(10);
  const names = Array.from({ length: 12 }, (_, index) => `SEP0000000000${10 + index}`);
  const acts: readonly ((name: string, at: number) => Promise<unknown>)[] = [
    (name) => source.addDevice(device(name, { lines: [{ index: 1, extension: '1' }] })),
    (name, at) => source.changeDevice(device(name, { lines: [{ index: 2, extension: String(at) }] }), at),
    (name) => source.removeDevice(name),
    (_, at) => source.publish([list('itl', `list ${at}`)], () => undefined, audit),
    (_, at) =>
      source.writeProvisioning(
        { ...emptyProvisioning, autoRegistration: at % 2 === 0 },
        { pools: ['Default'], models: [] },
        1_790_000_000_000 + at,
      ),
    (_, at) =>
      source.rememberHomes([{ device: homed[at % 2] ?? '', home: { kind: 'here' }, confirmedMs: at }]),
    (name, at) => source.signedTimestamp(`${name}.sgn`, filesBook, `content ${at}`, at),
  ];
  for (let round = 0; round < 6; round++) {
    for (let step = 0; step < 12; step++) {
      const act = acts[Math.floor(random() * acts.length)];
      const name = names[Math.floor(random() * names.length)] ?? '';
      // Some are refused: a device that is there already, or not.
      await act?.(name, round * 100 + step).catch((error: unknown) => expect(error).toHaveProperty('code'));
    }
    await caughtUp(world);
  }
  await world.copy.store.close();
  await source.removeDevice(names[0] ?? '').catch(() => undefined);
  await source.addDevice(device('SEP00000000FFFF'));
  const again = await subscribe(world.url, world.path);
  await caughtUp({ source, copy: again });
  await Promise.all([source.close(), again.store.close()]);
}, 60_000);

const emptyProvisioning = {
  groups: { Default: { members: [], tvs: [], capf: [] } },
  pools: {},
  models: {},
  autoRegistration: false,
  buildCnf: 'none',
  cnfModels: [],
  rings: [],
  resetCommand: [],
} as const;

test('a node is told: with an hour between its own looks, each change is in the copy at once, also after an outage', async () => {
  const world = await newWorld();
  const { url } = world;
  let { source } = world;
  const told = await subscribe(url, join(folder, 'told.sqlite'), 3_600_000);
  const versions: Promise<number>[] = [];
  told.store.onVersion(() => versions.push(told.store.version()));
  const follows = async (name: string): Promise<void> => {
    await source.addDevice(device(name));
    await caughtUp({ source, copy: told });
    expect(await told.store.findDevice(name)).toBeDefined();
  };
  for (let at = 0; at < 5; at++) await follows(`SEP00000000000${at}`);
  const version = await source.version();
  await expect.poll(() => Promise.all(versions), { timeout: 20_000 }).toContain(version);
  // The connection that listens broke with the others, and is there again.
  server.kill();
  isKilled = true;
  await told.store.rememberHomes([{ device: homed[0] ?? '', home: { kind: 'here' }, confirmedMs: 7 }]);
  server.start();
  isKilled = false;
  await expect.poll(() => told.state().awaySinceMs, { timeout: 20_000 }).toBeUndefined();
  await source.close();
  source = await openStore({ url, crypto });
  for (let at = 5; at < 8; at++) await follows(`SEP00000000000${at}`);
  await Promise.all([told.store.close(), source.close(), world.copy.store.close()]);
}, 60_000);

test('without the source: reads go on, what is known keeps its timestamp, what is new gets a later one, and the source is told', async () => {
  const world = await newWorld();
  const { source, copy, url, path } = world;
  const other = await subscribe(url, join(folder, 'other.sqlite'));
  await source.addDevice(device('SEP000000000001'));
  const known = await source.signedTimestamp('a.xml.sgn', filesBook, 'A', 1_000);
  await caughtUp(world);
  await expect
    .poll(() => copy.store.signedTimestamp('a.xml.sgn', filesBook, 'A', 1), { timeout: 20_000 })
    .toBe(known);
  expect(await other.store.signedTimestamp('a.xml.sgn', filesBook, 'A', 1)).toBe(known);
  const states: boolean[] = [];
  copy.onState(({ awaySinceMs }) => states.push(awaySinceMs !== undefined));

  server.kill();
  isKilled = true;
  const sign = (store: Store, name: string, content: string): Promise<number> =>
    store.signedTimestamp(name, filesBook, content, 500);
  expect(await sign(copy.store, 'a.xml.sgn', 'A')).toBe(known);
  const changed = await sign(copy.store, 'a.xml.sgn', 'B');
  expect(changed).toBe(known + 1);
  // Nodes that know the same give the same.
  await expect.poll(() => sign(other.store, 'a.xml.sgn', 'B'), { timeout: 20_000 }).toBe(changed);
  expect(await sign(copy.store, 'new.xml.sgn', 'N')).toBe(await sign(other.store, 'new.xml.sgn', 'N'));
  await expect.poll(() => copy.state().awaySinceMs, { timeout: 20_000 }).toBeDefined();
  expect(await copy.store.listDevices()).toHaveLength(1);
  await expect(copy.store.addDevice(device('SEP000000000002'))).rejects.toMatchObject({
    code: 'unreachable',
  });
  await copy.store.rememberHomes([{ device: homed[0] ?? '', home: { kind: 'here' }, confirmedMs: 7 }]);
  // A restart without the source begins with the copy, and with what is owed.
  await copy.store.close();
  const restarted = await subscribe(url, path);
  expect(restarted.state().awaySinceMs).toBeDefined();
  expect(await restarted.store.listDevices()).toHaveLength(1);
  const third = await sign(restarted.store, 'a.xml.sgn', 'C');
  expect(third).toBe(known + 2);
  const none = subscribe(url, join(folder, 'none.sqlite'));
  await expect(none).rejects.toMatchObject({ code: 'unreachable' });

  server.start();
  isKilled = false;
  await expect.poll(() => restarted.state().awaySinceMs, { timeout: 20_000 }).toBeUndefined();
  await expect.poll(() => other.state().awaySinceMs, { timeout: 20_000 }).toBeUndefined();
  expect(states).toContain(true);
  // Told before anything else is asked: the source goes on above what phones have seen.
  await expect.poll(() => source.findHome(homed[0] ?? ''), { timeout: 20_000 }).toBeDefined();
  expect(await source.signedTimestamp('a.xml.sgn', filesBook, 'C', 1)).toBe(third);
  expect(await source.signedTimestamp('a.xml.sgn', filesBook, 'D', 1)).toBe(third + 1);
  // The other node had signed B last: it hears that this is no longer the last word.
  await caughtUp({ source, copy: other });
  await expect.poll(() => sign(other.store, 'a.xml.sgn', 'B'), { timeout: 20_000 }).toBeGreaterThan(third);
  await Promise.all([restarted, other].map(({ store }) => store.close()));
  await source.close();
}, 90_000);

test('a copy of another database is replaced whole; its file is private', async () => {
  const first = await newWorld();
  await first.source.addDevice(device('SEP00000000OLD1'));
  await first.source.signedTimestamp('old.sgn', filesBook, 'old', 4_000_000_000);
  await caughtUp(first);
  await close(first);
  expect(statSync(first.path).mode & 0o777).toBe(0o600);
  expect(existsSync(first.path)).toBe(true);
  const url = await server.newDatabase();
  const source = await openStore({ url, crypto });
  await source.createCluster({ ...cluster, id: 'beta' }, node, [], audit);
  const copy = await subscribe(url, first.path);
  expect(await served(copy.store)).toEqual(await served(source));
  expect(await copy.store.signedTimestamp('old.sgn', filesBook, 'old', 5)).toBe(5);
  await Promise.all([source.close(), copy.store.close()]);
}, 60_000);

test('nodes say what they serve; who is silent is told by the clock of the database', async () => {
  const world = await newWorld();
  const version = await world.copy.store.version();
  world.copy.serving(version);
  await expect
    .poll(() => world.source.listNodeStates(), { timeout: 20_000 })
    .toMatchObject([{ node: node.name, version }]);
  const [state] = await world.source.listNodeStates();
  expect(state?.silentForMs).toBeLessThan(20_000);
  await close(world);
}, 60_000);

test('work is one node at a time: who is gone, or lost the database, has none, and another takes it', async () => {
  const world = await newWorld();
  const other = await subscribe(world.url, join(folder, 'worker.sqlite'));
  expect(await world.copy.whose('probes')).toBe('ours');
  expect(await world.copy.whose('probes')).toBe('ours');
  expect(await other.whose('probes')).toBe('others');
  expect(await other.whose('expiry')).toBe('ours');
  expect(await world.copy.whose('expiry')).toBe('others');
  server.kill();
  isKilled = true;
  expect(await world.copy.whose('probes')).toBe('unknown');
  server.start();
  isKilled = false;
  await expect.poll(() => other.whose('probes'), { timeout: 20_000 }).toBe('ours');
  expect(await world.copy.whose('probes')).toBe('others');
  await other.store.close();
  await expect.poll(() => world.copy.whose('probes'), { timeout: 20_000 }).toBe('ours');
  await close(world);
}, 60_000);

/** `move-device`: who has a path to another cluster, what goes first, and what is refused. */
import { describe, expect, test } from 'vitest';
import { moveDevices, planMoves, type MovePlan } from '../../../src/app/move-devices.ts';
import type { RemoteList } from '../../../src/core/cluster/remote-store.ts';
import type { RemoteCluster } from '../../../src/core/cluster/remote.ts';
import type { SettledHome } from '../../../src/core/cluster/home.ts';
import { believing, did, pairOf, worldOf, type GivenBelief } from '../../helpers/believed-world.ts';
import { clusterBLists, listsOfB, remoteB } from '../../helpers/cluster-b.ts';
import { modelOfAll } from '../../helpers/memory-store.ts';
import type { TrustWorld, WorldPorts } from '../../helpers/trust-world.ts';

const [phone, other, foreign] = ['SEP001122330001', 'SEP001122330002', 'SEP001122330009'] as const;
const dayMs = 86_400_000;

interface Given {
  readonly names?: readonly string[];
  readonly beliefs?: readonly GivenBelief[];
  readonly hasNoLists?: (remote: RemoteCluster) => Promise<boolean>;
  readonly lists?: readonly RemoteList[];
  readonly sha512Models?: readonly string[];
}

const never = (): Promise<boolean> => Promise.reject(new Error('its lists are known'));

function portsOf(
  world: TrustWorld,
  { beliefs, lists = clusterBLists, sha512Models = [] }: Given,
): WorldPorts {
  const held = { name: phone, pairs: [pairOf(world.lists('n'))] };
  const ports = believing(world, ...(beliefs ?? [held, { ...held, name: other }]));
  const listRemotes = () => Promise.resolve([{ ...remoteB, id: 'C' }, remoteB]);
  const store = { ...ports.store, listRemotes, listRemoteLists: () => Promise.resolve(lists) };
  return { ...ports, store, sha512Models };
}

const planned = (world: TrustWorld, to: string, given: Given = {}): Promise<MovePlan> =>
  planMoves(portsOf(world, given), given.names ?? [phone], to, given.hasNoLists ?? never);

const because = ({ moves }: MovePlan) => moves.map(({ path }) => path.because);
const commands = ({ steps }: MovePlan) => steps.map(({ command }) => command);

/** Mixed, and B's signers are trusted: phones with these lists take B's. */
async function ready(): Promise<TrustWorld> {
  const world = worldOf(['n'], [phone, other]);
  await did(world, 'update-itl', 'set-mode mixed', 'trust-cert', 'update-ctl');
  world.nowMs += 3_600_000;
  return world;
}

/** Mixed, and B a stranger. */
async function closed(): Promise<TrustWorld> {
  const world = worldOf(['n'], [phone, other]);
  await did(world, 'update-itl', 'set-mode mixed');
  world.nowMs += 3_600_000;
  return world;
}

function home(world: TrustWorld, device: string, of: SettledHome): void {
  const { rows } = world.database;
  const homes = new Map([...rows.homes, [device, { device, home: of, confirmedMs: 0 }] as const]);
  world.database.rows = { ...rows, homes };
}

const remote = (cluster: string): SettledHome => ({ kind: 'remote', cluster });

describe('a device of ours', () => {
  test('has a path with lists that name the signers there', async () => {
    const plan = await planned(await ready(), 'B', { names: [phone, phone] });
    expect(plan).toMatchObject({
      to: 'B',
      moves: [{ device: phone, from: 'A', path: { kind: 'path' } }],
      stranded: [],
      unknown: [],
      offline: [],
      pairs: [{ phones: 1, now: { kind: 'path' } }],
    });
    expect(commands(plan)).toEqual([
      'add-device there',
      'tftp-pki move-device --to B',
      'tftp-pki reset-phones',
    ]);
  });

  test('has none otherwise, and the certificates are named that would open one', async () => {
    const plan = await planned(await closed(), 'B', { names: [phone, other] });
    expect(plan).toMatchObject({
      stranded: [phone, other],
      unknown: [],
      pairs: [{ phones: 2, now: { kind: 'none' } }],
    });
    expect(plan.steps.map(({ command, when }) => [command, when.slice(0, 70)])).toEqual([
      [
        'tftp-pki trust-cert --store phone-sast-trust',
        expect.stringContaining('first, where the devices are now: SAST: CN=ITLRECOVERY_B'),
      ],
      ['tftp-pki update-ctl and update-itl', 'then, there'],
      ['tftp-pki reset-phones', 'then: they take the lists that name it when they boot'],
      ['tftp-pki move-device --to B', expect.stringMatching(/^when show-trust shows/)],
    ]);
  });

  test('that nobody knows all about is unknown, one that is away is offline', async () => {
    const world = await ready();
    world.nowMs += 8 * dayMs;
    const pairs = [pairOf(world.lists('n'))];
    const of = async (belief: Omit<GivenBelief, 'name'>) => {
      const { stranded, unknown, offline } = await planned(world, 'B', {
        beliefs: [{ name: phone, ...belief }],
      });
      return { stranded, unknown, offline };
    };
    const nobody = { stranded: [], unknown: [], offline: [] };
    expect(await of({ pairs, heardMs: world.nowMs - 7 * dayMs })).toEqual(nobody);
    expect(await of({ pairs, heardMs: world.nowMs - 7 * dayMs - 1 })).toEqual({
      ...nobody,
      offline: [phone],
    });
    expect(await of({ pairs: [...pairs, '?'], heardMs: 0 })).toEqual({ ...nobody, unknown: [phone] });
  });

  test('that may not read SHA-512 has none to lists that are signed with it', async () => {
    const world = await ready();
    const lists = await listsOfB('sha512');
    const unreadable = await planned(world, 'B', { lists });
    expect(unreadable.stranded).toEqual([phone]);
    expect(because(unreadable)).toEqual([expect.stringContaining('signed with SHA-512')]);
    expect((await planned(world, 'B', { lists, sha512Models: [modelOfAll] })).stranded).toEqual([]);
    // A reason that came before stays.
    expect(because(await planned(await closed(), 'B', { lists }))).toEqual([
      expect.not.stringContaining('nobody said that its model'),
    ]);
    // Who lives with it here reads it.
    await did(world, 'set-hash sha512');
    expect((await planned(world, 'B', { lists })).stranded).toEqual([]);
  });

  test('stays where it is when it is there already', async () => {
    const plan = await planned(await closed(), 'A');
    expect(because(plan)).toEqual(['it is there already']);
    expect(plan).toMatchObject({ stranded: [], unknown: [], pairs: [] });
  });
});

describe('a device of another cluster', () => {
  test('holds what is known of its lists, and nobody knows what else', async () => {
    const world = worldOf(['n'], [phone]);
    world.nowMs += dayMs;
    await did(world, 'update-itl', 'set-mode mixed');
    home(world, phone, remote('B'));
    home(world, foreign, remote('B'));
    const plan = await planned(world, 'A', { names: [phone, foreign] });
    expect(plan).toMatchObject({
      moves: [
        { from: 'B', path: { kind: 'path' } },
        { from: 'B', path: { kind: 'path' } },
      ],
      stranded: [],
      unknown: [phone, foreign],
      pairs: [],
    });
    expect(await planned(world, 'B', { names: [phone, foreign] })).toMatchObject({
      stranded: [],
      unknown: [],
      offline: [],
      pairs: [],
    });
  });

  test('of one server there: the first that is known', async () => {
    const world = worldOf(['n'], [phone]);
    world.nowMs += dayMs;
    await did(world, 'update-itl', 'set-mode mixed');
    home(world, phone, remote('B'));
    const broken = clusterBLists.map((list) => ({ ...list, server: 'b2:69', bytes: Uint8Array.of(1) }));
    expect((await planned(world, 'A', { lists: [...clusterBLists, ...broken] })).stranded).toEqual([]);
    // One that is known is enough to judge by.
    const itl = clusterBLists.filter(({ kind }) => kind === 'itl');
    expect(because(await planned(world, 'A', { lists: itl }))).not.toContain(
      'the lists of B are not known: probe-cluster B',
    );
  });

  test('of which nobody has seen a list has no path, unless it says that it has none', async () => {
    const world = await closed();
    home(world, phone, remote('C'));
    const asked: string[] = [];
    const answers = (word: boolean) => (of: RemoteCluster) => {
      asked.push(of.id);
      return Promise.resolve(word);
    };
    const plan = await planned(world, 'A', { hasNoLists: answers(false) });
    expect(because(plan)).toEqual(['the lists of C are not known: probe-cluster C']);
    expect(commands(plan)).toEqual(['tftp-pki probe-cluster A', 'tftp-pki move-device --to A']);
    expect(await planned(world, 'A', { hasNoLists: answers(true) })).toMatchObject({
      stranded: [],
      unknown: [phone],
    });
    expect(asked).toEqual(['C', 'C']);
    home(world, phone, remote('gone'));
    expect(because(await planned(world, 'A'))).toEqual([
      'the lists of gone are not known: probe-cluster gone',
    ]);
  });
});

test('of a device without a home nobody knows anything', async () => {
  const world = await ready();
  const plan = await planned(world, 'B', { names: [phone, foreign] });
  expect(plan).toMatchObject({ stranded: [foreign], moves: [{ from: 'A' }, { from: undefined }] });
  home(world, foreign, { kind: 'here' });
  expect((await planned(world, 'B', { names: [foreign] })).moves).toMatchObject([{ from: undefined }]);
  home(world, phone, { kind: 'here' });
  expect((await planned(world, 'B')).moves).toMatchObject([{ from: 'A' }]);
});

test('what is no cluster, and no device, is told', async () => {
  const world = await ready();
  await expect(planned(world, 'D')).rejects.toMatchObject({ code: 'not-found' });
  await expect(planned(world, 'B', { names: ['printer'] })).rejects.toMatchObject({ code: 'usage' });
});

describe('the move', () => {
  const move = (world: TrustWorld, plan: MovePlan, allowed?: number) =>
    moveDevices(portsOf(world, {}), plan, 'a test', allowed);
  const homeOf = (world: TrustWorld) => world.database.rows.homes.get(phone)?.home;

  test('is remembered, there and back', async () => {
    const world = await ready();
    await move(world, await planned(world, 'B'));
    expect(homeOf(world)).toEqual(remote('B'));
    const back = await planned(world, 'A');
    await move(world, back, back.stranded.length);
    expect(homeOf(world)).toEqual({ kind: 'here' });
  });

  test('is refused unless as many have no path as somebody said', async () => {
    const world = await ready();
    const fine = await planned(world, 'B');
    await expect(move(world, fine, 1)).rejects.toMatchObject({
      code: 'refused',
      message: '--strand 1 is not what would happen: no device is stranded',
    });
    const plan = await planned(world, 'B', { names: [phone, foreign] });
    for (const allowed of [undefined, 0, 2])
      await expect(move(world, plan, allowed)).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(
          `^1 of 2 devices have no path to B: ${foreign}: no cluster is known`,
        ) as string,
      });
    expect(homeOf(world)).toBeUndefined();
    await move(world, plan, 1);
    expect(homeOf(world)).toEqual(remote('B'));
  });
});

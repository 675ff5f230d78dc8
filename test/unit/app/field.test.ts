/** The field as commands read it: what was told of phones, and what may have reached them since. */
import { describe, expect, test } from 'vitest';
import { deviceAccepts, readField, type Field } from '../../../src/app/field.ts';
import type { NodeState, PublishedList } from '../../../src/core/cluster/model.ts';
import { pairKey, unknown } from '../../../src/core/trust/belief.ts';
import type { Delivery } from '../../../src/core/trust/belief-book.ts';
import { noBeliefs, type SharedBeliefs, type StoredBelief } from '../../../src/core/trust/belief-store.ts';
import { memoryStore, modelOfAll, type Database } from '../../helpers/memory-store.ts';
import { crypto, firstOf } from '../../helpers/trust-parties.ts';
import { firstRows, TrustWorld } from '../../helpers/trust-world.ts';
import { publishFirst } from '../../helpers/trust-changes.ts';

const phone = 'SEP001122330001';
const other = 'SEP001122330002';
const nowMs = 10_000_000;
const old = pairKey({ ctl: '', itl: 'old' });

function list(generation: number, sha256: string, publishedMs: number, node = 'n'): PublishedList {
  const bytes = Uint8Array.of(generation);
  return { generation, kind: 'itl', node, bytes, signer: 's', sha256, timestamp: generation, publishedMs };
}

function belief(more: Partial<StoredBelief> = {}): StoredBelief {
  return {
    name: phone,
    pairs: [old],
    address: '10.0.0.1',
    heardMs: nowMs - 1_000,
    deliveries: [],
    provedMs: undefined,
    unansweredConfigs: 0,
    gap: 0,
    ...more,
  };
}

interface Given {
  readonly nodes?: readonly string[];
  readonly published?: readonly PublishedList[];
  readonly current?: number;
  readonly beliefs?: readonly StoredBelief[];
  readonly shared?: readonly SharedBeliefs[];
  readonly states?: readonly NodeState[];
  readonly devices?: readonly string[];
  readonly sha512Models?: readonly string[];
  /** When the phone was moved, away or back. */
  readonly movedMs?: number;
}

async function fieldOf(given: Given): Promise<Field> {
  const { nodes = ['n'], published = [], devices = [phone] } = given;
  const current = given.current ?? published.at(-1)?.generation;
  const home = { device: phone, home: { kind: 'here' }, confirmedMs: given.movedMs ?? 0 } as const;
  const homes = new Map(given.movedMs === undefined ? [] : [[phone, home]]);
  const database: Database = {
    rows: { ...firstRows(nodes, devices), published, current, homes },
    unguarded: false,
    remotes: [],
    remoteLists: [],
    shared: () => given.shared ?? [],
    states: given.states ?? [],
  };
  return readField({
    store: memoryStore(database, nodes.length > 1 ? 'n' : undefined),
    crypto,
    clock: { nowMs: () => nowMs },
    readBeliefs: () => ({ ...noBeliefs, devices: given.beliefs ?? [] }),
    sha512Models: given.sha512Models ?? [],
  });
}

/** The lists that the phone may hold, by the word of their bytes; `-` for none. */
async function itls(given: Given, name = phone): Promise<readonly string[]> {
  const { devices, sets } = await fieldOf(given);
  const found = devices.find((device) => device.name === name);
  if (found === undefined) return [];
  return sets
    .pairs(found.set)
    .map((key) => key.replace(/^.*\//, ''))
    .toSorted();
}

test('what a phone that was moved holds nobody knows, until it shows belief here', async () => {
  const showed = { signer: 'f', atMs: nowMs - 500 };
  const before = { beliefs: [belief()], movedMs: nowMs - 700 };
  expect(await itls(before)).toEqual([unknown, 'old'].toSorted());
  expect(await itls({ beliefs: [belief()] })).toEqual(['old']);
  expect(await itls({ ...before, beliefs: [belief({ showed })] })).toEqual(['old']);
});

describe('one node', () => {
  const published = [list(1, 'old', 1_000), list(2, 'new', nowMs - 30_000)];

  test('who was never heard of was given nothing', async () => {
    expect(await itls({ published })).toEqual(['?']);
  });

  test('who was heard may have been given what is in force since it was told', async () => {
    const long = [list(1, 'old', 1_000), list(2, 'new', 2_000)];
    expect(await itls({ published: long, beliefs: [belief({ heardMs: 500 })] })).toEqual(['new', 'old']);
    // However lately it was heard: the server writes after a second.
    expect(await itls({ published: long, beliefs: [belief({ heardMs: nowMs })] })).toEqual(['new', 'old']);
  });

  test('a list of the last minute counts although another is in force, one before it does not', async () => {
    const beliefs = [belief({ pairs: [pairKey({ ctl: '', itl: 'held' })], heardMs: 3_000 })];
    const at = (ms: number) => [
      list(1, 'first', 1_000),
      list(2, 'second', 2_000),
      list(3, 'third', nowMs - ms),
    ];
    expect(await itls({ published: at(59_000), beliefs })).toEqual(['held', 'second', 'third']);
    expect(await itls({ published: at(61_000), beliefs })).toEqual(['held', 'third']);
    expect(await itls({ published: at(60_000), beliefs })).toEqual(['held', 'third']);
  });

  test('all of the generation in force count, also those that are carried over', async () => {
    const lists = [
      list(1, 'itl', 1_000),
      { ...list(1, 'ctl', 1_000), kind: 'ctl' as const },
      list(2, 'next', 2_000),
      { ...list(2, 'ctl', 1_000), kind: 'ctl' as const },
    ];
    const { devices, sets } = await fieldOf({ published: lists, beliefs: [belief({ pairs: ['/'] })] });
    expect(sets.pairs(devices[0]?.set ?? -1)).toContain(pairKey({ ctl: 'ctl', itl: 'next' }));
    expect(sets.pairs(devices[0]?.set ?? -1).join()).not.toContain('/itl');
  });

  test('whoever was heard after the end of a list has it in its set, or was not given it', async () => {
    const late = [list(1, 'first', 1_000), list(2, 'second', 2_000), list(3, 'third', nowMs - 50_000)];
    const heard = (heardMs: number) => [belief({ heardMs })];
    // An edge may give out the list before for a moment.
    expect(await itls({ published: late, beliefs: heard(nowMs - 45_001) })).toEqual([
      'old',
      'second',
      'third',
    ]);
    expect(await itls({ published: late, beliefs: heard(nowMs - 45_000) })).toEqual(['old', 'third']);
    expect(await itls({ published: late, beliefs: heard(nowMs) })).toEqual(['old', 'third']);
    // Of several nodes the one that gave it may not have told yet.
    expect(await itls({ nodes: ['n', 'm'], published: late, beliefs: heard(nowMs) })).toEqual([
      'old',
      'second',
      'third',
    ]);
  });

  test('a list that comes back to force has no end', async () => {
    const again = [list(1, 'one', 1_000), list(2, 'two', 2_000), list(3, 'one', nowMs - 50_000)];
    expect(await itls({ published: again, beliefs: [belief({ heardMs: nowMs })] })).toEqual(['old', 'one']);
  });

  test('a list ends by one of its own node and kind, whatever the order in which they are read', async () => {
    const ctl = (generation: number, sha256: string, publishedMs: number) => ({
      ...list(generation, sha256, publishedMs),
      kind: 'ctl' as const,
    });
    const lists = [
      list(2, 'itl', 1_000),
      ctl(2, 'ctl2', nowMs - 50_000),
      list(1, 'itl', 1_000),
      ctl(1, 'ctl1', 1_000),
    ];
    const beliefs = [belief({ pairs: ['/'], heardMs: nowMs })];
    const { devices, sets } = await fieldOf({ published: lists, current: 2, beliefs });
    expect(sets.pairs(devices[0]?.set ?? -1)).toEqual(['/', '/itl', 'ctl2/', 'ctl2/itl']);
  });

  test('before anything is published nothing was given', async () => {
    expect(await itls({ beliefs: [belief()] })).toEqual(['old']);
  });
});

describe('several nodes', () => {
  const nodes = ['n', 'm'];
  const published = [list(1, 'first', 1_000), list(2, 'second', nowMs - 3_600_000)];

  test('who was never heard of may just have been given what is in force, by another node', async () => {
    expect(await itls({ nodes, published })).toEqual(['?', 'second']);
  });

  const silent = (node: string, silentForMs: number): NodeState => ({
    node,
    version: 1,
    servedForMs: 0,
    silentForMs,
  });

  test('one that does not tell may give out what was in force when it fell silent', async () => {
    const longAgo = [list(1, 'first', 1_000), list(2, 'second', nowMs - 200_000)];
    const read = (states: readonly NodeState[]) => itls({ nodes, published: longAgo, states });
    expect(await read([silent('m', 300_000)])).toEqual(['?', 'first', 'second']);
    expect(await read([silent('m', 100_000)])).toEqual(['?', 'second']);
    expect(await read([silent('m', 60_000), silent('n', 10)])).toEqual(['?', 'second']);
    expect(await read([silent('m', 100_000), silent('n', 300_000)])).toContain('first');
    // A node that left is asked by nobody.
    expect(await read([silent('gone', 300_000)])).toEqual(['?', 'second']);
  });

  test('what this folder wrote counts from its file, what others told from the database', async () => {
    const of = (node: string, pair: string): SharedBeliefs => ({
      node,
      devices: [belief({ pairs: [pairKey({ ctl: '', itl: pair })] })],
      gaps: [],
    });
    const shared = [of('n', 'own, a moment ago'), of('m', 'theirs')];
    expect(await itls({ nodes, beliefs: [belief()], shared })).toEqual(['old', 'theirs']);
  });
});

test('what it showed at one node disproves what another one knew before, by a signer that is still known', async () => {
  const world = new TrustWorld({ phones: [], phantoms: [phone], nodes: ['n', 'm'], readSha512: false });
  await publishFirst(world);
  const ports = world.ports();
  const itl = pairKey({ ctl: '', itl: world.lists('n')[0]?.sha256 ?? '' });
  const heard = [belief({ pairs: [unknown], heardMs: nowMs - 3_600_000 })];
  const read = async (signer: string) => {
    const showed = { signer, atMs: nowMs };
    const { devices, sets } = await readField({
      ...ports,
      store: {
        ...ports.store,
        listSharedBeliefs: () => Promise.resolve([{ node: 'm', devices: heard, gaps: [] }]),
      },
      readBeliefs: () => ({ ...noBeliefs, devices: [belief({ pairs: [itl], heardMs: nowMs, showed })] }),
    });
    return sets.pairs(devices[0]?.set ?? -1);
  };
  expect(await read(firstOf('callmanager', 'n').fingerprint)).not.toContain(unknown);
  expect(await read('f'.repeat(64))).toContain(unknown);
});

test('devices come by name, those with the same set together', async () => {
  const third = 'SEP001122330003';
  const same: Delivery[] = [];
  const field = await fieldOf({
    devices: [third, other, phone],
    beliefs: [belief({ deliveries: same }), belief({ name: third })],
  });
  expect(field.devices.map(({ name }) => name)).toEqual([phone, other, third]);
  expect(field.groups.map(({ phones }) => phones.map(({ name }) => name))).toEqual([[phone, third], [other]]);
  expect(field.groups.map(({ pairs }) => pairs)).toEqual([[old], [unknown]]);
});

test('a device accepts what every pair that it may hold accepts; of one that is none nobody knows', async () => {
  const world = new TrustWorld({ phones: [], phantoms: [], nodes: ['n'], readSha512: false });
  await publishFirst(world);
  const field = await readField(world.ports());
  const signer = firstOf('callmanager', 'n');
  expect(deviceAccepts(field, phone, signer, 'sha1')).toBe('unknown');
  const held = field.sets.of([pairKey({ ctl: '', itl: field.current[0]?.sha256 ?? '' })]);
  const device = { ...belief(), set: held, readsSha512: false };
  expect(deviceAccepts({ ...field, devices: [device] }, phone, signer, 'sha1')).toBe('accept');
  expect(deviceAccepts({ ...field, devices: [device] }, other, signer, 'sha1')).toBe('unknown');
  expect(deviceAccepts({ ...field, devices: [device] }, phone, firstOf('itlrecovery'), 'sha512')).toBe(
    'reject',
  );
  // With SHA-512 only where somebody said that it reads that.
  expect(deviceAccepts({ ...field, devices: [device] }, phone, signer, 'sha512')).toBe('unknown');
  const reads = { ...device, readsSha512: true };
  expect(deviceAccepts({ ...field, devices: [reads] }, phone, signer, 'sha512')).toBe('accept');
  expect(deviceAccepts({ ...field, devices: [reads] }, other, signer, 'sha512')).toBe('unknown');
});

test('phones of a model that reads SHA-512 are together, and not with the others', async () => {
  const read = async (sha512Models: readonly string[]) => {
    const { groups } = await fieldOf({ sha512Models });
    return groups.map(({ readsSha512 }) => readsSha512);
  };
  expect(await read([modelOfAll])).toEqual([true]);
  expect(await read(['CP-7970'])).toEqual([false]);
});

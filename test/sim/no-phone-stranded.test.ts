/**
 * Random histories of one cluster, planned, guarded and published by the program (so the second verifier judges what is
 * allowed), against phones that follow each reading of what public sources leave open: whatever is allowed strands nobody
 * who had a path before, and whatever is refused would take the path from a phone that had one with lists that the field
 * may hold.
 */
import { describe, expect, test } from 'vitest';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import { readings, type Reading } from '../../src/core/trust/strand.ts';
import { fromElsewhere } from '../helpers/cluster-b.ts';
import { signsFiles } from '../../src/wire/role.ts';
import type { Rows } from '../helpers/memory-store.ts';
import { seeded, type Random } from '../helpers/prng.ts';
import { change, changes, publishFirst, type ChangeRequest, type Outcome } from '../helpers/trust-changes.ts';
import { TrustWorld, type TestPhone } from '../helpers/trust-world.ts';

const histories = Number(process.env['HISTORIES'] ?? 1_000);
const phantoms = ['SEP00AA00000001', 'SEP00AA00000002'];

function phonesOf(random: Random, readings: readonly Reading[]): TestPhone[] {
  return ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'].map((name, at) => ({
    name,
    address: random() < 0.2 ? '10.0.0.1' : `10.0.0.${at + 1}`,
    proved: random() < 0.7,
    // Some find a TVS now and then: it may be down for the lists and up for the configuration.
    asksTvs: random() < 0.5 ? () => random() < 0.5 : undefined,
    reading: pick(random, readings),
    held: newPhone(name),
    home: 'here',
  }));
}

function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

interface Tally {
  readonly allowed: Map<string, number>;
  readonly refused: Map<string, number>;
  readonly stranded: string[];
  readonly wrongRefusals: string[];
}

const hourMs = 3_600_000;

/** What happens in a field between two changes of trust. */
async function live(world: TrustWorld, random: Random): Promise<void> {
  for (const phone of world.phones) {
    world.nowMs += 60_000;
    // A phone asks the node that it finds, and which of them is up.
    const node = pick(random, world.nodes);
    if (random() < 0.6) await world.boot(phone, node);
    // Somebody forges the last ACK of a list, in the name of this phone.
    if (random() < 0.15) {
      const forger = { address: phone.address, proved: false };
      world.observe(node, forger, `${phone.name}.cnf.xml.sgn`, 'asked');
      world.observe(node, forger, 'ITLFile.tlv', 'delivered');
    }
  }
  if (random() < 0.1)
    for (const name of phantoms)
      world.observe('n', { address: '10.9.9.9', proved: true }, `${name}.cnf.xml.sgn`, 'delivered');
  for (const heard of world.heard.values())
    if (random() < 0.15) heard.crash(world.nowMs);
    else heard.save();
  const [moved] = world.phones;
  if (moved !== undefined && moved.home === 'here' && random() < 0.05)
    moved.held = random() < 0.5 ? newPhone(moved.name) : fromElsewhere(moved.name);
  if (random() < 0.1) world.nowMs += 30 * 86_400_000;
  world.nowMs = Math.ceil(world.nowMs / hourMs) * hourMs;
}

/** Who has a path where. */
async function paths(world: TrustWorld): Promise<ReadonlyMap<string, boolean>> {
  const found = new Map<string, boolean>();
  for (const { name, held, reading, home } of world.phones)
    for (const node of home === 'B' ? ['B'] : world.nodes)
      found.set(`${name} at ${node}`, await world.hasPath(held, reading, node, home));
  return found;
}

/** Done although refused: is there a phone, among those that the field may hold, that had a path and has none? */
async function strandsSomebody(
  world: TrustWorld,
  refused: Outcome & { kind: 'refused' },
  moved: TestPhone | undefined,
): Promise<boolean> {
  const before = { rows: world.database.rows, home: moved?.home };
  const ours = (refused.pairs ?? world.library.allPairs()).flatMap((key) => world.holding(key) ?? []);
  // Of a phone of the other cluster its lists count, which are none of ours.
  const theirs = moved?.home === 'B' ? [moved.held, fromElsewhere(moved.name)] : [];
  const states = [...ours, ...theirs];
  world.database.unguarded = true;
  await refused.force();
  world.database.unguarded = false;
  const after = { rows: world.database.rows, home: moved?.home };
  const hasPath = (
    { rows, home }: typeof before,
    ...[state, reading, node]: [PhoneState, Reading, string]
  ): Promise<boolean> => {
    world.database.rows = rows;
    return world.hasPath(state, reading, node, home);
  };
  let stranded = false;
  for (const state of states)
    for (const reading of world.readings)
      for (const node of world.nodes)
        stranded ||=
          (await hasPath(before, state, reading, node)) && !(await hasPath(after, state, reading, node));
  world.database.rows = before.rows;
  if (moved !== undefined && before.home !== undefined) moved.home = before.home;
  return stranded;
}

/** What the cluster's state allows, most of the time. */
async function anyChange(
  world: TrustWorld,
  random: Random,
  request: Omit<ChangeRequest, 'node'>,
): Promise<{ readonly name: string; readonly outcome: Outcome }> {
  for (let time = 1; ; time++) {
    const name = pick(random, changes);
    const outcome = await change(world, name, { ...request, node: pick(random, world.nodes) });
    if (outcome.kind !== 'not-now' || time === 2) return { name, outcome };
  }
}

async function history(seed: number, tally: Tally): Promise<void> {
  const random = seeded(seed);
  const nodes = seed % 5 === 0 ? (['n', 'm'] as const) : (['n'] as const);
  // Of half of the fields somebody said that their models read SHA-512; of the others some phones do not.
  const readSha512 = random() < 0.5;
  const possible = readings.filter(({ sha512 }) => sha512 || !readSha512);
  const world = new TrustWorld({ phones: phonesOf(random, possible), phantoms, nodes, readSha512 });
  await publishFirst(world);
  let backup: Rows | undefined;
  // One in ten is long; most are short, so that a thousand are done in a minute.
  const turns = seed % 10 === 0 ? 8 : 3;
  for (let turn = 0; turn < turns; turn++) {
    await live(world, random);
    if (random() < 0.3) backup = world.database.rows;
    const phone = pick(random, world.phones);
    const had = await paths(world);
    const { name, outcome } = await anyChange(world, random, { phone, backup });
    const moved = name === 'move-device' ? phone : undefined;
    const where = `history ${seed}, turn ${turn}: ${name}`;
    if (outcome.kind === 'not-now') continue;
    count(outcome.kind === 'done' ? tally.allowed : tally.refused, name);
    if (outcome.kind === 'refused') {
      if (!(await strandsSomebody(world, outcome, moved)))
        tally.wrongRefusals.push(`${where}: ${outcome.because}`);
      continue;
    }
    const has = await paths(world);
    for (const { name: device } of world.phones) {
      if (outcome.unknown.includes(device)) continue;
      const of = (all: ReadonlyMap<string, boolean>): readonly boolean[] =>
        [...all].flatMap(([key, path]) => (key.startsWith(`${device} `) ? [path] : []));
      const lost =
        moved?.name === device
          ? of(had).includes(true) && of(has).includes(false)
          : [...had].some(([key, path]) => key.startsWith(`${device} `) && path && has.get(key) === false);
      if (lost) tally.stranded.push(`${where}: ${device}`);
    }
  }
}

function count(tally: Map<string, number>, name: string): void {
  tally.set(name, (tally.get(name) ?? 0) + 1);
}

function sum(tally: ReadonlyMap<string, number>): number {
  return [...tally.values()].reduce((all, one) => all + one, 0);
}

describe('no phone is ever stranded', () => {
  test(`${histories} random histories`, { timeout: 400_000 }, async () => {
    const tally: Tally = {
      allowed: new Map(),
      refused: new Map(),
      stranded: [],
      wrongRefusals: [],
    };
    for (let seed = 1; seed <= histories; seed++) await history(seed, tally);
    console.info(
      `${sum(tally.allowed)} changes allowed, ${sum(tally.refused)} refused`,
      tally.allowed,
      tally.refused,
    );
    expect(tally.stranded).toEqual([]);
    expect(tally.wrongRefusals).toEqual([]);
    expect(sum(tally.allowed)).toBeGreaterThan(histories);
    expect(sum(tally.refused)).toBeGreaterThan(histories / 20);
  });

  test.each([
    ['counts as possible, and the change is refused', true],
    ['would strand the phone if it did not count', false],
  ])('what a crash lost %s', async (_, counts) => {
    const { world, phone, did } = await oneProvedPhone();
    await did('renew-cert itlrecovery', 'renew-cert callmanager', 'renew-cert callmanager --switch');
    // Nothing is left in its set that does not know both ITLRecoveries.
    const backup = world.database.rows;
    await did('renew-cert itlrecovery --abort');
    // It takes lists that know one only, and nobody has noted it when the server dies.
    world.nowMs += hourMs;
    await world.boot(phone, 'n');
    world.heard.get('n')?.crash(world.nowMs, counts);
    const request: ChangeRequest = { node: 'n', phone: undefined, backup };
    for (const name of ['restore', 'renew-cert itlrecovery --switch', 'renew-cert callmanager']) {
      world.nowMs += hourMs;
      const outcome = await change(world, name, request);
      expect(outcome, `${name}: ${outcome.kind === 'refused' ? outcome.because : ''}`).toMatchObject({
        kind: 'done',
      });
    }
    world.nowMs += hourMs;
    expect(await world.hasPath(phone.held, phone.reading, 'n')).toBe(true);
    expect(await change(world, 'renew-cert callmanager --switch', request)).toMatchObject(
      counts ? { kind: 'refused', phones: [phone.name] } : { kind: 'done', unknown: [] },
    );
    expect(await world.hasPath(phone.held, phone.reading, 'n')).toBe(counts);
  });

  test.each([
    ['counts, and its end is refused', true],
    ['would strand the phone if it did not count', false],
  ])('that only a TVS vouched for the signer %s', async (_, counts) => {
    const { world, phone, did } = await oneProvedPhone((roles) => roles.some(signsFiles));
    const request: ChangeRequest = { node: 'n', phone: undefined, backup: undefined };
    world.tellsAskers = counts;
    // Somebody has both keys replaced while it is off, whatever it costs.
    for (const name of [
      'renew-cert itlrecovery',
      'renew-cert itlrecovery --switch',
      'renew-cert callmanager',
    ])
      expect(await change(world, name, request), name).toMatchObject({ kind: 'done' });
    const cost = await change(world, 'renew-cert callmanager --switch', request);
    expect(cost).toMatchObject({ kind: 'refused', phones: [phone.name] });
    if (cost.kind === 'refused') await cost.force();
    world.serve();
    // Its lists know neither key; those in force it refuses, its configuration it takes on the word of a TVS.
    expect(await world.boot(phone, 'n')).toMatch(/\.sgn$/);
    await did('renew-cert tvs');
    expect(await change(world, 'renew-cert tvs --switch', request)).toMatchObject(
      counts ? { kind: 'refused', phones: [phone.name] } : { kind: 'done', unknown: [] },
    );
    expect(await world.hasPath(phone.held, phone.reading, 'n')).toBe(false);
  });

  test('a liar who fetches 1,000 names from one address blocks no rotation', async () => {
    const { change: make, boot, lie } = await liedTo(1_000);
    for (const name of ['renew-cert callmanager', 'renew-cert callmanager --switch']) {
      await boot();
      await lie();
      expect(await make(name), name).toMatchObject({ kind: 'done' });
    }
    await lie();
    await boot();
  }, 120_000);

  test('nor makes a plan safe that is not', async () => {
    const { change: make, boot, lie, online } = await liedTo(100);
    await boot();
    // ITLRecovery is renewed while the phones are off: no list by the new one leads them to the next CallManager.
    for (const name of [
      'renew-cert itlrecovery',
      'renew-cert itlrecovery --switch',
      'renew-cert callmanager',
    ])
      expect(await make(name), name).toMatchObject({ kind: 'done' });
    const stranding = await make('renew-cert callmanager --switch');
    expect(stranding).toMatchObject({ kind: 'refused', phones: online });
    await lie();
    expect(await make('renew-cert callmanager --switch')).toMatchObject({
      kind: 'refused',
      phones: expect.arrayContaining([...online]) as unknown,
    });
    await boot();
  }, 120_000);
});

/** A phone that shows after each change what it believes. */
async function oneProvedPhone(asksTvs?: TestPhone['asksTvs']): Promise<{
  readonly world: TrustWorld;
  readonly phone: TestPhone;
  /** Each change, and a boot after it; the phone misses an abort. */
  readonly did: (...names: readonly string[]) => Promise<void>;
}> {
  const name = 'SEP001122330001';
  const reading = { lists: false, files: true, sha512: true };
  const phone: TestPhone = {
    name,
    address: '10.0.0.1',
    proved: true,
    asksTvs,
    reading,
    held: newPhone(name),
    home: 'here',
  };
  const world = new TrustWorld({ phones: [phone], phantoms: [], nodes: ['n'], readSha512: false });
  await publishFirst(world);
  const come = async (): Promise<void> => {
    world.nowMs += hourMs;
    await world.boot(phone, 'n');
    world.heard.get('n')?.save();
  };
  await come();
  return {
    world,
    phone,
    async did(...names) {
      for (const one of names) {
        const outcome = await change(world, one, { node: 'n', phone: undefined, backup: undefined });
        expect(outcome, one).toMatchObject({ kind: 'done' });
        if (!one.endsWith('--abort')) await come();
      }
    },
  };
}

/** A world of many phones of which ten are switched on: every tenth of a thousand boots costs a minute and shows no more. */
async function liedTo(count: number): Promise<{
  readonly online: readonly string[];
  readonly change: (name: string) => Promise<Outcome>;
  /** Those that are on, all with a path. */
  readonly boot: () => Promise<void>;
  readonly lie: () => Promise<void>;
}> {
  const phones = Array.from({ length: count }, (_, at): TestPhone => {
    const name = `SEP00110000${at.toString(16).toUpperCase().padStart(4, '0')}`;
    return {
      name,
      address: `10.1.${Math.floor(at / 250)}.${at % 250}`,
      proved: true,
      reading: { lists: false, files: true, sha512: true },
      held: newPhone(name),
      home: 'here',
    };
  });
  const world = new TrustWorld({ phones, phantoms: [], nodes: ['n'], readSha512: false });
  const heard = world.heard.get('n');
  const online = phones.slice(0, 10);
  const make = (name: string): Promise<Outcome> =>
    change(world, name, { node: 'n', phone: undefined, backup: undefined });
  await publishFirst(world);
  expect(await make('set-mode mixed')).toMatchObject({ kind: 'done' });
  return {
    online: online.map(({ name }) => name),
    change: make,
    async boot() {
      world.nowMs += hourMs;
      for (const phone of online) {
        await world.boot(phone, 'n');
        expect(await world.hasPath(phone.held, phone.reading, 'n')).toBe(true);
      }
      heard?.save();
    },
    async lie() {
      const liar = { address: '10.66.66.66', proved: true };
      const signer = await world.signerInUse();
      for (const phone of phones) {
        world.observe('n', liar, 'CTLFile.tlv', 'delivered');
        world.observe('n', liar, 'ITLFile.tlv', 'delivered');
        world.observe('n', liar, `${phone.name}.cnf.xml.sgn`, 'delivered');
        heard?.showedBelief(phone.name, liar.address, signer, world.nowMs);
        // And last ACKs forged in the name of the phones' own addresses.
        world.observe('n', { ...phone, proved: false }, 'ITLFile.tlv', 'delivered');
      }
      heard?.save();
    },
  };
}

/**
 * Every command that changes trust stands before the planner: over phones that slept through a rotation it is refused
 * and changes nothing, refused for another number than that of the stranded ones, and done for exactly theirs; then it
 * names who has to restart and to reset. A command that strands nobody by its nature is shown to.
 *
 * The world: ITLRecovery and the CallManager key were renewed while three phones slept, which hold the first lists. A
 * restored ITLRecovery of their time signs the lists now, so they find a path when they wake: until anything is
 * published that the present ITLRecovery signs.
 */
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import type { PairKey } from '../../src/core/trust/belief.ts';
import { writePem } from '../../src/pki/pem.ts';
import { Enterprise, fileIn, type Member } from '../helpers/enterprise.ts';
import { party } from '../helpers/trust-builder.ts';

const sleepers = [1, 2, 3].map((at) => `SEP00112233000${at}`);
const awake = 'SEP0011223300AA';
const count = sleepers.length;
let enterprise: Enterprise;
/** Before the restored key signed. */
let rotated: Member;
/** ITLRecovery is renewed, and the CallManager key waits. */
let halfway: Member;
/** What the sleepers hold. */
let first: PairKey;
/** Files beside the folders: the old ITLRecovery, a share, a backup. */
let paths: Readonly<Record<'p12' | 'pass' | 'share' | 'backup', string>>;

type World = 'plain' | 'renewing' | 'renewingCallmanager' | 'guided' | 'nonsecure';
const worlds = new Map<World, Member>();

/** What happens in each before the restored key signs. */
const preludes: Readonly<Record<World, readonly string[]>> = {
  plain: [],
  renewing: ['renew-cert tvs', 'renew-cert capf', 'renew-cert tftp-ec'],
  renewingCallmanager: ['renew-cert itlrecovery', 'renew-cert callmanager'],
  guided: ['renew-cert callmanager --guided'],
  nonsecure: ['set-mode nonsecure'],
};

function copyOf(member: Member, id: string): Member {
  const copy = enterprise.cluster(id);
  rmSync(copy.data, { recursive: true, force: true });
  cpSync(member.data, copy.data, { recursive: true });
  return copy;
}

/** As if everything published so far had been so for a day: what is new may have reached anybody. */
function age({ data }: Member): void {
  const database = new Sqlite(join(data, 'database.sqlite'));
  database.prepare('update trust_list set published_ms = published_ms - 86400000').run();
  database.close();
}

/** Of everything that a command could have changed. */
function contentOf({ data }: Member): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (name.includes('.sqlite')) continue;
    hash.update(`${name}\n`);
    if (statSync(join(data, name)).isFile()) hash.update(readFileSync(join(data, name)));
  }
  const database = new Sqlite(join(data, 'database.sqlite'), { readonly: true });
  const tables = database.prepare<[], { name: string }>(
    "select name from sqlite_schema where type = 'table'",
  );
  for (const { name } of tables.all())
    hash.update(JSON.stringify([name, database.prepare(`select * from "${name}"`).raw().all()]));
  database.close();
  return hash.digest('hex');
}

async function prepare(world: World): Promise<Member> {
  const member = copyOf(rotated, world);
  for (const words of preludes[world]) await member.done(...words.split(' '), '--yes');
  const key = ['--key', paths.p12, '--key-passphrase-file', paths.pass];
  age(member);
  // What it is about is the first pair; another one that they may hold has no path by these lists in nonsecure mode.
  const cost = world === 'nonsecure' ? ['--strand', String(count)] : [];
  await member.done('reset-itl', 'remotekey', ...key, '--yes', ...cost);
  age(member);
  return member;
}

beforeAll(async () => {
  enterprise = new Enterprise();
  rotated = enterprise.cluster('rotated');
  await rotated.init('mixed');
  first = await rotated.pair();
  const pass = fileIn(enterprise, 'pass', 'opens the export\n');
  const { der } = party({ key: 'callmanager-a', subject: [['CN', 'west.example']], serial: '77' });
  const pem = fileIn(enterprise, 'west/CallManager.pem', writePem('CERTIFICATE', der));
  const [p12, backup] = [join(enterprise.world, 'old.p12'), join(enterprise.world, 'office.sealed')];
  paths = { p12, pass, share: join(pem, '..'), backup };
  await rotated.done('export-recovery', p12, '--export-passphrase-file', pass);
  for (const name of [...sleepers, awake])
    await rotated.done('add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  const renewal = async (...words: readonly string[]): Promise<unknown> =>
    rotated.done('renew-cert', ...words, '--yes');
  await renewal('itlrecovery');
  await renewal('itlrecovery', '--switch');
  await renewal('callmanager');
  halfway = copyOf(rotated, 'halfway');
  await renewal('callmanager', '--switch');
  for (const each of [halfway, rotated]) age(each);
  const last = await rotated.pair();
  rotated.believe(...sleepers.map((name) => ({ name, pairs: [first] })), { name: awake, pairs: [last] });
  halfway.believe(...sleepers.map((name) => ({ name, pairs: [first] })));
  for (const world of Object.keys(preludes) as World[]) worlds.set(world, await prepare(world));
  await member('plain').done('backup', backup, '--backup-passphrase-file', pass);
}, 280_000);
afterAll(() => enterprise.remove());

function member(world: World): Member {
  const found = worlds.get(world);
  if (found === undefined) throw new Error(`no world ${world}`);
  return found;
}

function importing(): readonly string[] {
  return ['import-bulk', '--from', paths.share, '--purpose', 'proxy', '--foreign', 'west'];
}

interface Row {
  /** As it is typed. */
  readonly words: () => readonly string[] | Promise<readonly string[]>;
  readonly title: string;
  readonly world: World;
  readonly stranded: readonly string[];
  readonly restart: readonly string[];
  readonly reset: string;
}

function row(title: string, world: World, aftermath: Partial<Row> = {}): Row {
  const words = [...title.split(' '), '--yes'];
  return {
    title,
    world,
    stranded: sleepers,
    words: () => words,
    restart: [],
    reset: 'all phones',
    ...aftermath,
  };
}

const callmanager = ['CallManager', 'CTIManager', 'TVS'];
const everyService = ['CallManager', 'CTIManager', 'TVS', 'CAPF'];
const rows: readonly Row[] = [
  row('update-itl', 'plain'),
  row('update-itl --rollback', 'plain'),
  row('update-ctl', 'plain'),
  row('set-mode nonsecure', 'plain', { restart: ['CallManager', 'CTIManager'] }),
  row('set-mode mixed', 'nonsecure', { restart: ['CallManager', 'CTIManager'] }),
  // Nobody said of the model that it reads SHA-512.
  row('set-hash sha512', 'plain', { stranded: [...sleepers, awake] }),
  row('rename-node rotated-tftp.example renamed.example', 'plain'),
  row('reset-itl localkey', 'plain'),
  row('reset-ctl localkey', 'plain'),
  row('renew-cert tftp-ec', 'plain'),
  row('renew-cert tvs --switch', 'renewing', { restart: ['TVS'] }),
  row('renew-cert tvs --abort', 'renewing'),
  row('renew-cert capf --switch', 'renewing', { restart: ['CAPF'] }),
  row('renew-cert tftp-ec --switch', 'renewing', { restart: ['tftp-pki serve (6971)'], reset: 'no phone' }),
  row('renew-cert callmanager --switch', 'renewingCallmanager', { restart: callmanager }),
  row('renew-cert callmanager --abort', 'renewingCallmanager'),
  row('renew-cert itlrecovery --switch', 'renewingCallmanager'),
  row('renew-cert callmanager --guided', 'plain'),
  row('renew-cert callmanager --guided --within 0', 'guided', { restart: callmanager }),
  row('renew-cert callmanager --guided --abort', 'guided'),
  row('import-bulk', 'plain', {
    reset: 'no phone',
    async words() {
      const looked = await member('plain').done(...importing());
      const { fingerprint } = looked['directory'] as { readonly fingerprint: string };
      return [...importing(), '--apply', '--yes', '--accept', `west=${fingerprint}`];
    },
  }),
  row('restore', 'plain', {
    restart: everyService,
    words: () => ['restore', paths.backup, '--backup-passphrase-file', paths.pass, '--yes'],
  }),
];

describe('a change that strands sleeping phones', () => {
  test.each(rows)('$title ($world)', async ({ words, world, stranded, restart, reset }) => {
    const count = stranded.length;
    const before = member(world);
    const typed = await words();
    const untouched = contentOf(before);
    const refused = await before.run(...typed);
    expect(refused).toMatchObject({ status: 1, json: {} });
    for (const word of [...stranded, `--strand ${count}`]) expect(refused.said).toContain(word);
    expect(await before.run(...typed, '--strand', String(count + 1))).toMatchObject({ status: 1, json: {} });
    expect(contentOf(before)).toBe(untouched);
    const copy = copyOf(before, 'done');
    const done = await copy.run(...typed, '--strand', String(count));
    expect(`${done.status} ${done.said}`).toMatch(/^0 /);
    expect(done.json).toMatchObject({ phones: { stranded }, restart, reset });
    expect(contentOf(copy)).not.toBe(untouched);
  });

  test('renew-cert callmanager --compromised is done all the same, and says what it costs', async () => {
    const copy = copyOf(member('plain'), 'done');
    expect(await copy.done('renew-cert', 'callmanager', '--compromised', '--yes')).toMatchObject({
      phones: { stranded: sleepers },
      warnings: expect.arrayContaining([expect.stringContaining('have all of them reset now')]),
      restart: callmanager,
      reset: 'all phones',
    });
  });
});

describe('a change that strands nobody by its nature', () => {
  test('remove-cert: what signs files is in use, and no other certificate leads a phone', async () => {
    const { der } = party({ key: 'callmanager-b', subject: [['CN', 'east.example']], serial: '78' });
    const pem = fileIn(enterprise, 'east.pem', writePem('CERTIFICATE', der));
    await rotated.done('trust-cert', pem, '--store', 'phone-tftp-trust', '--yes');
    const found = await rotated.with(({ store }) => store.listCertificates());
    const verdicts = new Set<string>();
    for (const { id, store, purpose, retiredMs } of found.filter((each) => each.retiredMs === undefined)) {
      const { status, json, said } = await rotated.run('plan', 'remove-cert', String(id));
      const word = status === 0 ? JSON.stringify((json['phones'] as { stranded: unknown }).stranded) : said;
      verdicts.add(`${purpose ?? store}: ${/in use|signed the published/.exec(word)?.[0] ?? word}`);
      expect(retiredMs).toBeUndefined();
    }
    expect([...verdicts].toSorted()).toEqual([
      'callmanager: in use',
      'capf: in use',
      'itlrecovery: signed the published',
      'phone-tftp-trust: []',
      'tftp-ec: in use',
      'tvs: in use',
    ]);
  });
});

describe('the order of steps', () => {
  interface Planned {
    readonly stranded: readonly string[];
    readonly pairs: readonly unknown[];
    readonly steps: readonly {
      readonly command: string;
      readonly when: string;
      readonly stranded: number | null;
    }[];
  }
  async function plan(of: Member, ...words: readonly string[]): Promise<Planned> {
    const { json } = await of.run('plan', ...words);
    return json['phones'] as Planned;
  }

  test('a boot at the lists in force goes first where it frees the phones, and does', async () => {
    const { steps } = await plan(member('plain'), 'reset-ctl', 'localkey');
    expect(steps).toEqual([
      {
        command: 'tftp-pki reset-phones --behind',
        when: expect.stringMatching(/^first: 3 phones/),
        stranded: 0,
      },
      { command: 'tftp-pki reset-ctl localkey', when: expect.stringContaining('have booted'), stranded: 0 },
    ]);
    const copy = copyOf(member('plain'), 'done');
    const taken = await copy.pair();
    copy.believe(...sleepers.map((name) => ({ name, pairs: [taken] })));
    expect((await plan(copy, 'reset-ctl', 'localkey')).stranded).toEqual([]);
  });

  test('lists of the CallManager key go first where phones know no other signer, and free them', async () => {
    const words = ['renew-cert', 'callmanager', '--switch'];
    const { stranded, steps } = await plan(halfway, ...words);
    expect(stranded).toEqual(sleepers);
    expect(steps).toEqual([
      { command: 'tftp-pki reset-ctl localkey', when: 'then: it frees 3 phones', stranded: 0 },
      { command: 'tftp-pki reset-phones --behind', when: expect.any(String), stranded: 0 },
      { command: `tftp-pki ${words.join(' ')}`, when: expect.stringContaining('have booted'), stranded: 0 },
    ]);
    const copy = copyOf(halfway, 'done');
    await copy.done('reset-ctl', 'localkey', '--yes');
    age(copy);
    const [ctl] = (await copy.pair()).split('/');
    copy.believe(...sleepers.map((name) => ({ name, pairs: [`${ctl}/${first.split('/')[1]}`] })));
    expect((await plan(copy, ...words)).stranded).toEqual([]);
  });

  test('phones that only a TVS leads: it is named, and where nothing known goes first that is said', async () => {
    const copy = copyOf(rotated, 'done');
    await copy.done('renew-cert', 'tvs', '--yes');
    age(copy);
    const { stranded, steps, pairs } = await plan(copy, 'renew-cert', 'tvs', '--switch');
    expect(stranded).toEqual(sleepers);
    expect(pairs).toContainEqual(
      expect.objectContaining({
        ctl: '1',
        itl: '1',
        phones: count,
        before: ['none', `TVS of ${rotated.node}, with new lists`],
        after: ['none'],
        stranded: true,
      }),
    );
    expect(steps).toEqual([
      {
        command: `tftp-pki renew-cert tvs --switch --strand ${count}`,
        when: expect.stringContaining(`nothing known may go first: ${sleepers.join(' ')}`),
        stranded: count,
      },
    ]);
  });

  test('what follows is planned for phones that took the new lists, and for those that did not', async () => {
    const key = ['--key', paths.p12, '--key-passphrase-file', paths.pass];
    const { steps } = await plan(rotated, 'reset-itl', 'remotekey', ...key);
    expect(steps.map(({ when }) => when)).toEqual([
      'now',
      expect.stringContaining('when they boot'),
      'when all have taken the new lists: 3 phones would be stranded before',
    ]);
    const [renewal, copy] = [['renew-cert', 'callmanager'], copyOf(rotated, 'done')];
    const asleep = await plan(copy, ...renewal);
    expect(asleep.steps.at(-1)).toEqual({
      command: 'tftp-pki renew-cert callmanager --switch',
      when: `when they have booted, and it strands ${count} even then: ${sleepers.join(' ')}`,
      stranded: count,
    });
    const taken = await copy.pair();
    copy.believe(...sleepers.map((name) => ({ name, pairs: [taken] })));
    const allAwake = await plan(copy, ...renewal);
    expect(allAwake.steps.at(-1)).toMatchObject({ when: expect.stringMatching(/^at any time/), stranded: 0 });
  });
});

test('no command that takes --strand is missing here', () => {
  const guarded = commands.filter(({ options }) => options?.some(({ flags }) => flags === '--strand <N>'));
  const others = [
    'remove-cert',
    'move-device (guarded-changes.test.ts)',
    'join-node (stranding-nodes.test.ts)',
    'remove-node (stranding-nodes.test.ts)',
  ];
  const tested = [...rows.map(({ title }) => title), ...others].map((title) => title.split(' ')[0]);
  expect(guarded.map(({ name }) => name).toSorted()).toEqual([...new Set(tested)].toSorted());
});

test('an ITL for rollback: what it does not free is said; refused where phones could verify nothing', async () => {
  const { warnings } = await member('plain')
    .run('update-itl', '--rollback', '--dry-run')
    .then(({ json }) => json);
  for (const warning of ['believe unsigned files', 'it does not empty a CTL'])
    expect(warnings).toContainEqual(expect.stringContaining(warning));
  const nonsecure = member('nonsecure');
  const untouched = contentOf(nonsecure);
  const refused = await nonsecure.run('update-itl', '--rollback', '--yes', '--strand', String(count));
  expect(refused).toMatchObject({ status: 1, said: expect.stringContaining('could verify nothing at all') });
  expect(contentOf(nonsecure)).toBe(untouched);
});

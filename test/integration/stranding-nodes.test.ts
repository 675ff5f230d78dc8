/**
 * `join-node` and `remove-node` before the planner (design.md §5), on one real PostgreSQL, with phones that are believed
 * to hold lists of long ago: refused with what would be stranded, refused with a wrong number, done with the exact one.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import type { PublishedList } from '../../src/core/cluster/model.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

let world: string;
let postgres: PostgresServer;
let database: string;
let admin: OpenNode;
/** Lists of the first node alone, and of both, before anything was renewed. */
let alone: readonly PublishedList[];
let both: readonly PublishedList[];

async function run(node: string, ...words: readonly string[]) {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json', '--data', join(world, node)], terminal);
  return { status, said: terminal.stderr.text };
}

async function done(node: string, ...words: readonly string[]): Promise<void> {
  const { status, said } = await run(node, ...words);
  expect(`${status} ${said}`).toMatch(/^0 /);
}

/** The ITLRecovery in use, as the words that name it. */
async function recoveryKey(name: string): Promise<readonly string[]> {
  const [p12, pass] = [join(world, `${name}.p12`), join(world, 'export.pass')];
  await done('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  return ['--key', p12, '--key-passphrase-file', pass];
}

function joining(node: string, key: readonly string[]): readonly string[] {
  return ['join-node', '--node', `${node}.example`, '--database', database, ...key, '--yes'];
}

async function renew(purpose: 'itlrecovery' | 'callmanager'): Promise<void> {
  await done('a', 'renew-cert', purpose, '--yes');
  await done('a', 'renew-cert', purpose, '--switch', '--yes');
}

let oldKey: readonly string[];
let newKey: readonly string[];

beforeAll(async () => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-strand-'));
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
  database = await postgres.newDatabase();
  await done('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database);
  admin = await openNode({ dataDir: join(world, 'a'), passphraseFile: undefined });
  alone = await admin.store.currentLists();
  oldKey = await recoveryKey('old');
  await done('b', ...joining('b', oldKey));
  both = await admin.store.currentLists();
  await renew('itlrecovery');
  await renew('callmanager');
  newKey = await recoveryKey('new');
}, 240_000);
afterAll(async () => {
  await admin.close();
  postgres.stop();
  rmSync(world, { recursive: true });
});

/** A phone that took the lists of `node` once, and was heard a moment ago. */
async function holds(name: string, lists: readonly PublishedList[], node: string): Promise<void> {
  await done('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  const [ctl, itl] = (['ctl', 'itl'] as const).map(
    (kind) => lists.find((list) => list.kind === kind && list.node === node)?.sha256 ?? '',
  );
  const belief = { name, pairs: [`${ctl}/${itl}`], address: '10.0.0.1', heardMs: Date.now(), deliveries: [] };
  await admin.store.shareBeliefs({
    devices: [{ ...belief, provedMs: undefined, unansweredConfigs: 0, gap: 0 }],
    gaps: [],
  });
}

/** Refused with the phone's name, and with every number but one. */
async function refusedFor(phone: string, node: string, ...words: readonly string[]): Promise<void> {
  const generation = (await admin.store.currentLists())[0]?.generation;
  expect(await run(node, ...words)).toMatchObject({
    status: 1,
    said: expect.stringMatching(new RegExp(`1 phone would have no path[^]*${phone}[^]*--strand 1`)),
  });
  expect(await run(node, ...words, '--strand', '2')).toMatchObject({ status: 1 });
  expect((await admin.store.currentLists())[0]?.generation).toBe(generation);
}

test('a phone that finds its way at the node that leaves, and at no other, keeps that node', async () => {
  const phone = 'SEP001122330001';
  // It missed both renewals of a: neither the lists nor the signer there are known to it, that of b is.
  await holds(phone, both, 'b.example');
  await refusedFor(phone, 'a', 'remove-node', 'b.example', '--yes');
  await done('a', 'remove-device', phone);
}, 240_000);

test('lists that only an old signer makes acceptable are not replaced by a node that joins or leaves', async () => {
  const phone = 'SEP001122330002';
  await done('a', 'reset-itl', 'remotekey', ...oldKey, '--yes');
  // Before b was there: it takes the lists in force, by the old ITLRecovery, and none by the new one.
  await holds(phone, alone, 'a.example');
  await refusedFor(phone, 'c', ...joining('c', newKey));
  const keys = join(world, 'c', 'keys');
  expect(existsSync(keys) ? readdirSync(keys) : []).toEqual([]);
  await done('c', ...joining('c', newKey), '--strand', '1');
  expect((await admin.store.listNodes()).map(({ name }) => name)).toEqual([
    'a.example',
    'b.example',
    'c.example',
  ]);

  // What was in force a moment ago may have reached it too, beside what it holds: that is what this costs.
  await done('a', 'reset-itl', 'remotekey', ...oldKey, '--yes', '--strand', '1');
  await refusedFor(phone, 'a', 'remove-node', 'c.example', '--yes');
  await done('a', 'remove-node', 'c.example', '--yes', '--strand', '1');
  expect((await admin.store.listNodes()).map(({ name }) => name)).toEqual(['a.example', 'b.example']);
}, 240_000);

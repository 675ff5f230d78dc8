/**
 * Trust that is changed from two places at once, and a node that fails in the middle of a guided renewal, on one real
 * PostgreSQL: one change wins, the other one is told so, nothing is half done, and no phone refuses anything.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { renewCertificate } from '../../src/app/renew-certificate.ts';
import { planOperation, publishOperation, type TrustOperation } from '../../src/app/trust-operation.ts';
import { updateItl } from '../../src/app/update-lists.ts';
import { Failure } from '../../src/base/errors.ts';
import { auditChainFault } from '../../src/core/audit/audit-chain.ts';
import type { FileVerdict } from '../../src/core/phone/phone.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { PhoneLoad } from '../helpers/phone-load.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const crypto = createVerifier();
const phones = ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'];

let world: string;
let postgres: PostgresServer;
let database: string;
const servers = new Map<string, ServedNode>();

beforeAll(async () => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-admins-'));
  mkdirSync(join(world, 'files'));
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
  database = await postgres.newDatabase();
  const files = ['--files', join(world, 'files')];
  await command('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database, ...files);
  for (const name of phones)
    await command('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  await command('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  const key = ['--key', p12, '--key-passphrase-file', pass];
  await command('b', 'join-node', '--node', 'b.example', '--database', database, ...files, ...key, '--yes');
}, 120_000);
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  postgres.stop();
  rmSync(world, { recursive: true });
});

async function run(node: string, ...words: readonly string[]) {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json', '--data', join(world, node)], terminal);
  return { status, said: terminal.stderr.text, text: terminal.stdout.text };
}

async function command(node: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { status, said, text } = await run(node, ...words);
  expect(`${status} ${said}`).toMatch(/^0 /);
  return JSON.parse(text) as Record<string, unknown>;
}

async function serve(node: string): Promise<void> {
  const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  servers.set(node, await serveProgram([...loopback, '--data', join(world, node)]));
}

const states = new Map<string, PhoneState>();

/** By HTTP, so that who asks is proved. Nothing that is offered may be refused. */
async function boot(name: string, node: string): Promise<void> {
  const verdicts: FileVerdict[] = [];
  const result = await bootPhone({
    crypto,
    state: states.get(name) ?? newPhone(name),
    fetch: async (file) => {
      try {
        const port = servers.get(node)?.port('http') ?? 0;
        return { kind: 'bytes', bytes: await fetchHttp({ host: '127.0.0.1', port, name: file }) };
      } catch (error) {
        if (error instanceof Failure && error.code === 'not-found') return { kind: 'not-found' };
        throw error;
      }
    },
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report: (verdict) => verdicts.push(verdict),
  });
  states.set(name, result.state);
  const bad = verdicts.filter(({ outcome }) => outcome !== 'accepted' && outcome !== 'not-found');
  expect({ name, node, ok: result.ok, bad }).toEqual({ name, node, ok: true, bad: [] });
}

async function stagedRows(): Promise<unknown> {
  const client = new Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query("select count(*)::int as n from generation where state = 'staged'");
  await client.end();
  return rows;
}

test('two administrators change trust at once: one wins, the other is told, nothing is half done', async () => {
  const [first, second] = await Promise.all([openNode(named('a')), openNode(named('a'))]);
  try {
    for (let round = 0; round < 4; round++) {
      const before = await first.store.listCertificates();
      const [generation] = (await first.store.currentLists()).map((list) => list.generation);
      const operations = await Promise.all([
        prepare(first, await updateItl(first, { rollback: false })),
        prepare(second, await renewCertificate(second, { purpose: 'tvs', step: 'begin', by: 'two' })),
      ]);
      // Both plans were made of the same lists; who comes second must look again.
      const outcomes = await Promise.allSettled(operations.map((publish) => publish()));
      const lost = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
      );
      expect(lost).toHaveLength(1);
      expect(lost[0]).toMatchObject({
        code: 'storage-busy',
        message: expect.stringMatching(/published anew after|came in between/),
        hint: 'Look at the current lists and repeat.',
      });
      const renewed = outcomes[1]?.status === 'fulfilled';
      const lists = await first.store.currentLists();
      expect(new Set(lists.map((list) => list.generation)).size).toBe(1);
      expect(lists[0]?.generation).toBeGreaterThan(generation ?? 0);
      expect(lists).toHaveLength(4);
      const after = await first.store.listCertificates();
      expect(after.length).toBe(before.length + (renewed ? 1 : 0));
      expect(await stagedRows()).toEqual([{ n: 0 }]);
      expect(auditChainFault(crypto, await first.store.listAudit())).toBeUndefined();
      if (renewed) await command('a', 'renew-cert', 'tvs', '--abort', '--yes');
    }
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}, 120_000);

/** A command as somebody types it: it goes as far as its question, and on when it is answered. */
function typed(node: string, ...words: readonly string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const terminal = { ...fakeTerminal(), stdin };
  const status = runProgram([...words, '--json', '--data', join(world, node)], terminal);
  return {
    asked: (): Promise<void> =>
      expect.poll(() => terminal.stderr.text, { timeout: 60_000 }).toContain('(yes/no)'),
    async yes() {
      stdin.end('yes\n');
      return { status: await status, said: terminal.stderr.text };
    },
  };
}

function keysOf(node: string): readonly string[] {
  const folder = join(world, node, 'keys');
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

test('two commands on the folders of two nodes, both past their plans: one wins, the other leaves nothing', async () => {
  const files = ['--files', join(world, 'files')];
  const key = ['--key', join(world, 'recovery.p12'), '--key-passphrase-file', join(world, 'export.pass')];
  const joining = (node: string): readonly string[] => [
    'join-node',
    '--node',
    `${node}.example`,
    '--database',
    database,
    ...files,
    ...key,
  ];
  const renewing = ['renew-cert', 'tvs'];
  const overtaken = {
    status: 5,
    said: expect.stringMatching(
      /(published anew after|came in between)[^]*Look at the current lists and repeat/,
    ),
  };
  const won = expect.objectContaining({ status: 0 });
  const node = await openNode(named('a'));
  /** Each key lies in one of the folders, and each certificate with a key of ours has it there. */
  const nothingHalfDone = async (): Promise<void> => {
    const rows = (await node.store.listCertificates()).filter(({ store }) => store === 'own');
    const kept = ['a', 'b', 'e', 'f'].flatMap((folder) => keysOf(folder));
    expect(kept.toSorted()).toEqual(rows.map(({ fingerprint }) => `${fingerprint}.pem`).toSorted());
    const lists = await node.store.currentLists();
    expect(new Set(lists.map(({ generation }) => generation)).size).toBe(1);
    expect(lists).toHaveLength(2 * (await node.store.listNodes()).length);
    expect(await stagedRows()).toEqual([{ n: 0 }]);
    expect(auditChainFault(crypto, await node.store.listAudit())).toBeUndefined();
  };
  const both = async (...commands: readonly ReturnType<typeof typed>[]): Promise<void> => {
    for (const command of commands) await command.asked();
  };
  try {
    await nothingHalfDone();
    let [renew, joins] = [typed('a', ...renewing), typed('e', ...joining('e'))];
    await both(renew, joins);
    expect(await renew.yes()).toEqual(won);
    expect(await joins.yes()).toMatchObject(overtaken);
    expect(keysOf('e')).toEqual([]);
    await nothingHalfDone();

    // The other way round; who lost repeats in the same folder.
    await command('a', ...renewing, '--abort', '--yes');
    [renew, joins] = [typed('a', ...renewing), typed('e', ...joining('e'))];
    await both(renew, joins);
    expect(await joins.yes()).toEqual(won);
    expect(await renew.yes()).toMatchObject(overtaken);
    await nothingHalfDone();

    // Both in the same moment.
    [renew, joins] = [typed('a', ...renewing), typed('f', ...joining('f'))];
    await both(renew, joins);
    const ends = await Promise.all([renew.yes(), joins.yes()]);
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set([0, 5]));
    expect(ends.find(({ status }) => status === 5)).toMatchObject(overtaken);
    await nothingHalfDone();
    if (ends[0]?.status === 0) await command('a', ...renewing, '--abort', '--yes');
    else await command('a', 'remove-node', 'f.example', '--yes');
    await command('a', 'remove-node', 'e.example', '--yes');
  } finally {
    await node.close();
  }
}, 240_000);

function named(node: string) {
  return { dataDir: join(world, node), passphraseFile: undefined };
}

async function prepare(node: OpenNode, operation: TrustOperation): Promise<() => Promise<number>> {
  const planned = await planOperation(node, operation);
  return () => publishOperation(node, operation, planned, 'a test');
}

test('a node fails in the middle of a guided renewal: its phones fall over and back, and it is finished', async () => {
  await serve('a');
  await serve('b');
  const guided = ['renew-cert', 'callmanager', '--guided', '--yes'];
  for (const name of phones) await boot(name, 'a');
  await command('a', ...guided);
  expect(await run('b', ...guided)).toMatchObject({ status: 1, said: expect.stringContaining('a.example') });
  await bothServe();
  await boot(phones[0] ?? '', 'a');

  // Its server dies: phones that came, and those that had not, go to the other node.
  servers.get('a')?.child.kill('SIGKILL');
  for (const name of phones) await boot(name, 'b');
  expect((await command('a', 'status'))['renewals']).toMatchObject([{ step: 'published' }]);
  await serve('a');
  for (const name of phones) await boot(name, 'a');

  // Phones that took the lists from either node have come; then the new key signs, here and nowhere else.
  for (const step of ['switched', undefined]) {
    await expect
      .poll(() => command('a', ...guided).then(() => command('a', 'status')), {
        timeout: 30_000,
        interval: 500,
      })
      .toMatchObject({ renewals: step === undefined ? [] : [{ step }] });
    await bothServe();
    for (const node of ['a', 'b', 'a']) for (const name of phones) await boot(name, node);
  }
}, 240_000);

/** What was published is served by both. */
async function bothServe(): Promise<void> {
  await expect
    .poll(async () => (await command('a', 'status'))['serving'], { timeout: 30_000 })
    .toMatchObject([{ state: 'up to date' }, { state: 'up to date' }]);
}

test('a node joins and leaves while phones boot all the time: none refuses anything', async () => {
  const names = Array.from({ length: 8 }, (_, at) => `SEP00112233440${at}`);
  for (const name of names) await command('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  const load = new PhoneLoad(names);
  const [a, b] = [servers.get('a'), servers.get('b')];
  const list = [a, b].flatMap((server) => server ?? []);
  expect(list).toHaveLength(2);
  const running = load.start(list);
  const booted = (more: number): Promise<void> => {
    const least = running.boots() + more;
    return expect.poll(() => running.boots(), { timeout: 60_000 }).toBeGreaterThan(least);
  };
  await booted(names.length);
  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  const key = ['--key', p12, '--key-passphrase-file', pass];
  const files = ['--files', join(world, 'files')];
  await command('c', 'join-node', '--node', 'c.example', '--database', database, ...files, ...key, '--yes');
  await serve('c');
  await booted(names.length);
  // Its address comes behind the others in option 150, and leaves before the node does.
  const c = servers.get('c');
  if (c !== undefined) list.push(c);
  await booted(2 * names.length);
  list.splice(1, 1);
  // A phone that is booting there may still have it in its list.
  if (b !== undefined) load.away.add(b);
  await command('a', 'remove-node', 'b.example', '--yes');
  await servers.get('b')?.stop();
  await booted(2 * names.length);
  const tally = await running.end();
  expect(tally.bad).toEqual([]);
  expect(await command('c', 'status')).toMatchObject({ nodes: ['a.example', 'c.example'] });
}, 240_000);

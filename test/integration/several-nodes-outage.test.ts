/**
 * Three nodes on one real PostgreSQL under load (design.md §7): a change is served by all at once; the database dies and
 * comes back, and no transfer fails at any node; one is started anew meanwhile; two are killed, and every phone boots
 * from the third address of its list. Phones remember what they took, and refuse what does not follow from it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { openNode } from '../../src/node/open-node.ts';
import { percentile } from '../../src/sim/fleet.ts';
import { ask, PhoneLoad } from '../helpers/phone-load.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { serveProgram, type LogLine, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const phones = Array.from({ length: 40 }, (_, at) => `SEP0011223344${String(at).padStart(2, '0')}`);

const load = new PhoneLoad(phones);

let world: string;
let postgres: PostgresServer;
let isKilled = false;
const servers: ServedNode[] = [];

beforeAll(async () => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-outage-'));
  mkdirSync(join(world, 'files'));
  writeFileSync(join(world, 'files', 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
  const database = await postgres.newDatabase();
  const files = ['--files', join(world, 'files')];
  await command('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database, ...files);
  const csv = ['name,model,protocol', ...phones.map((name) => `${name},CP-8851,SIP`)].join('\n');
  writeFileSync(join(world, 'phones.csv'), `${csv}\n`);
  await run('a', 'import-devices', join(world, 'phones.csv'));
  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  await command('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  const key = ['--key', p12, '--key-passphrase-file', pass];
  for (const node of ['b', 'c']) {
    const joining = ['join-node', '--node', `${node}.example`, '--database', database, ...files];
    await command(node, ...joining, ...key, '--yes');
  }
  for (const node of ['a', 'b', 'c']) await serve(node);
}, 120_000);
afterAll(async () => {
  for (const server of servers) await server.stop();
  if (isKilled) postgres.start();
  postgres.stop();
  rmSync(world, { recursive: true });
});

async function run(node: string, ...words: readonly string[]) {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', join(world, node)], terminal);
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
  return { said: terminal.stderr.text, text: terminal.stdout.text };
}

async function command(node: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse((await run(node, ...words, '--json')).text) as Record<string, unknown>;
}

async function serve(node: string): Promise<ServedNode> {
  const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const env = { TFTP_PKI_METRICS_LISTEN: '127.0.0.1:0' };
  const server = await serveProgram([...loopback, '--data', join(world, node)], { env });
  servers.push(server);
  return server;
}

async function metric(server: ServedNode, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port('metrics')}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}

const upToDate = ['a', 'b', 'c'].map((node) => ({ node: `${node}.example`, state: 'up to date', behind: 0 }));

async function allUpToDate(): Promise<void> {
  await expect
    .poll(async () => (await command('b', 'status'))['serving'], { timeout: 30_000 })
    .toMatchObject(upToDate);
}

async function killDatabase(): Promise<void> {
  const known = servers.map(({ log }) => log.length);
  postgres.kill();
  isKilled = true;
  for (const [at, server] of servers.entries()) {
    await server.until('database away', isAway, known[at]);
    await expect.poll(() => metric(server, 'tftp_pki_database_up'), { timeout: 20_000 }).toBe(0);
  }
}

const isAway = (line: LogLine): boolean => line.type === 'database' && line['state'] === 'away';
const isHere = (line: LogLine): boolean => line.type === 'database' && line['state'] === 'here';

/** Until every node serves what is changed after its return. */
async function returnDatabase(added: string): Promise<void> {
  const known = servers.map(({ log }) => log.length);
  postgres.start();
  isKilled = false;
  await command('a', 'add-device', added, '--model', 'CP-8851', '--protocol', 'SIP');
  for (const [at, server] of servers.entries()) {
    await server.until('database here', isHere, known[at]);
    await expect
      .poll(async () => (await ask(server, `${added}.cnf.xml.sgn`)).kind, { timeout: 20_000 })
      .toBe('bytes');
    await expect.poll(() => metric(server, 'tftp_pki_database_up'), { timeout: 20_000 }).toBe(1);
  }
}

test('a change on one node is served by all three', async () => {
  const admin = await openNode({ dataDir: join(world, 'a'), passphraseFile: undefined });
  const delays: number[] = [];
  const name = phones[0] ?? '';
  const device = await admin.store.findDevice(name);
  if (device === undefined) throw new Error(`${name} was imported`);
  for (let at = 0; at < 25; at++) {
    const extension = String(4000 + at);
    // With the transaction itself: by the clock of this process, before it began.
    const asked = performance.now();
    await admin.store.changeDevice({ ...device, lines: [{ index: 1, extension }] }, Date.now());
    const served = servers.map(async (server) => {
      for (;;) {
        const answer = await ask(server, `${name}.cnf.xml.sgn`);
        if (answer.kind === 'bytes' && Buffer.from(answer.bytes).includes(extension)) break;
        if (performance.now() - asked > 20_000) throw new Error(`${name} ${extension} is not served`);
        await delay(10);
      }
      delays.push(performance.now() - asked);
    });
    await Promise.all(served);
  }
  await admin.close();
  const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => Math.round(percentile(delays, share)));
  console.log(`a change is served by each of 3 nodes after ${p50} ms (half), ${p99} ms (p99)`);
  // Less than 1 s on a quiet machine (docs/operations/several-nodes.md); this one may be shared by many.
  expect(p99).toBeLessThan(3_000);
  await allUpToDate();
}, 120_000);

test('an import on one node is served whole by all three', async () => {
  const names = Array.from({ length: 120 }, (_, at) => `SEP00112233${6000 + at}`);
  const csv = ['name,model,protocol', ...names.map((name) => `${name},CP-8851,SIP`)].join('\n');
  writeFileSync(join(world, 'more.csv'), `${csv}\n`);
  await run('b', 'import-devices', join(world, 'more.csv'));
  const imported = performance.now();
  const kindOf = async (server: ServedNode, name: string): Promise<string> =>
    (await ask(server, `${name}.cnf.xml`)).kind;
  const last = names.at(-1) ?? '';
  await Promise.all(
    servers.map((server) => expect.poll(() => kindOf(server, last), { timeout: 30_000 }).toBe('bytes')),
  );
  const appliedMs = performance.now() - imported;
  console.log(
    `${names.length} imported devices are served by each of 3 nodes after ${appliedMs.toFixed(0)} ms`,
  );
  // 1,000 in less than 3 s on a quiet machine: npm run bench -- --only nodes.
  expect(appliedMs).toBeLessThan(10_000);
  // One copy is one moment of the database: where one of them is served, all are.
  const left = servers.flatMap((server) => names.map((name) => ({ server, name }))).values();
  const line = async (): Promise<void> => {
    for (const { server, name } of left)
      expect({ name, kind: await kindOf(server, name) }).toEqual({ name, kind: 'bytes' });
  };
  await Promise.all(Array.from({ length: 12 }, line));
}, 120_000);

test('the database dies and comes back under load: each node answers each transfer, and signs what is new', async () => {
  const known = await command('b', 'status');
  const running = load.start(servers);
  await expect.poll(() => running.boots(), { timeout: 60_000 }).toBeGreaterThan(phones.length / 4);
  await killDatabase();
  writeFileSync(
    join(world, 'files', 'Ringlist.xml'),
    '<CiscoIPPhoneRingList><Directory/></CiscoIPPhoneRingList>\n',
  );
  for (const server of servers)
    for (const name of ['Ringlist.xml.sgn', `${phones[1]}.cnf.xml.sgn`, 'ITLFile.tlv'])
      expect(await ask(server, name)).toMatchObject({ kind: 'bytes' });
  const lost = await run('b', 'status', '--json');
  const away = JSON.parse(lost.text) as { database: { version: number; away: string } };
  expect(away.database).toMatchObject({ version: (known['database'] as { version: number }).version });
  expect(away.database.away).toContain('database');
  expect(lost.said).toContain('this is the last copy');
  const then = running.boots();
  await expect.poll(() => running.boots(), { timeout: 60_000 }).toBeGreaterThan(then + phones.length / 2);
  await returnDatabase('SEP00112233FFF1');
  const back = running.boots();
  await expect.poll(() => running.boots(), { timeout: 60_000 }).toBeGreaterThan(back + phones.length / 4);
  const tally = await running.end();
  console.log(`${tally.boots} boots while the database died and came back, ${tally.bad.length} with a fault`);
  expect(tally.bad).toEqual([]);
  await allUpToDate();
}, 240_000);

test('a node that is started anew while the database is away begins with its copy', async () => {
  const running = load.start(servers);
  await killDatabase();
  const [, , third] = servers;
  if (third === undefined) throw new Error('three serve');
  load.away.add(third);
  servers.length = 2;
  await third.stop();
  const again = await serve('c');
  expect(again.log.some(isAway)).toBe(true);
  for (const name of ['Ringlist.xml.sgn', `${phones[2]}.cnf.xml.sgn`, 'ITLFile.tlv'])
    expect(await ask(again, name)).toMatchObject({ kind: 'bytes' });
  const then = running.boots();
  await expect.poll(() => running.boots(), { timeout: 60_000 }).toBeGreaterThan(then + phones.length / 2);
  await returnDatabase('SEP00112233FFF2');
  expect((await running.end()).bad).toEqual([]);
  await allUpToDate();
}, 240_000);

test('two of three die: phones that have all three in their option 150 boot from the last one', async () => {
  const list = [...servers];
  for (const server of list.slice(0, 2)) {
    load.away.add(server);
    server.child.kill('SIGKILL');
  }
  expect(await load.bootAll(list)).toEqual({ boots: phones.length, bad: [] });
  const silent = [{ state: 'silent' }, { state: 'silent' }, { state: 'up to date' }];
  await expect
    .poll(async () => (await command('c', 'status'))['serving'], { timeout: 30_000 })
    .toMatchObject(silent);
}, 120_000);

/**
 * Three nodes on one real PostgreSQL under load (design.md §7): a change is served by all at once; the database dies and
 * comes back, and no transfer fails; two nodes are killed, and every phone boots from the third. Phones remember what
 * they took, and refuse what does not follow from it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { percentile } from '../../src/sim/fleet.ts';
import { ask, PhoneLoad } from '../helpers/phone-load.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const phones = Array.from({ length: 40 }, (_, at) => `SEP0011223344${String(at).padStart(2, '0')}`);

const load = new PhoneLoad(phones);

let world: string;
let postgres: PostgresServer;
let isKilled = false;
const servers: ServedNode[] = [];

beforeAll(() => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-outage-'));
  mkdirSync(join(world, 'files'));
  writeFileSync(join(world, 'files', 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
});
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

test('a change is served by all; the database dies and returns under load; two of three nodes die', async () => {
  const database = await postgres.newDatabase();
  const files = ['--files', join(world, 'files')];
  await command('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database, ...files);
  const csv = ['name,model,protocol', ...phones.map((name) => `${name},CP-8851,SIP`)].join('\n');
  writeFileSync(join(world, 'phones.csv'), `${csv}\n`);
  await run('a', 'import-devices', join(world, 'phones.csv'));
  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  await command('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  const key = ['--key', p12, '--key-passphrase-file', pass];
  for (const node of ['b', 'c'])
    await command(
      node,
      'join-node',
      '--node',
      `${node}.example`,
      '--database',
      database,
      ...files,
      ...key,
      '--yes',
    );
  for (const node of ['a', 'b', 'c']) await serve(node);

  // 1. A change on one is served by all.
  const delays: number[] = [];
  for (let at = 0; at < 12; at++) {
    const name = `SEP0011223355${String(at).padStart(2, '0')}`;
    await command('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
    const asked = performance.now();
    const served = servers.map(async (server) => {
      while ((await ask(server, `${name}.cnf.xml.sgn`)).kind !== 'bytes') {
        if (performance.now() - asked > 20_000) throw new Error(`${name} is not served`);
        await delay(5);
      }
      delays.push(performance.now() - asked);
    });
    await Promise.all(served);
  }
  const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => Math.round(percentile(delays, share)));
  console.log(`a change is served by each of 3 nodes after ${p50} ms (half), ${p99} ms (p99)`);
  // The bound is 1 s on a machine of its own (docs/operations/several-nodes.md); this one may be shared by many.
  expect(p50).toBeLessThan(10_000);

  const known = await command('b', 'status');
  const upToDate = ['a', 'b', 'c'].map((node) => ({
    node: `${node}.example`,
    state: 'up to date',
    behind: 0,
  }));
  await expect
    .poll(async () => (await command('b', 'status'))['serving'], { timeout: 20_000 })
    .toMatchObject(upToDate);

  // 2. The database dies and comes back under load; what was never signed is signed meanwhile.
  const running = load.start(servers);
  await delay(500);
  postgres.kill();
  isKilled = true;
  await delay(500);
  writeFileSync(
    join(world, 'files', 'Ringlist.xml'),
    '<CiscoIPPhoneRingList><Directory/></CiscoIPPhoneRingList>\n',
  );
  for (const server of servers)
    for (const name of ['Ringlist.xml.sgn', 'SEP001122335500.cnf.xml.sgn'])
      expect(await ask(server, name)).toMatchObject({ kind: 'bytes' });
  const [one, ...others] = await Promise.all(servers.map((server) => ask(server, 'ITLFile.tlv')));
  expect([one, ...others].map((answer) => answer?.kind)).toEqual(['bytes', 'bytes', 'bytes']);
  for (const server of servers) {
    await server.until('database away', (line) => line.type === 'database' && line['state'] === 'away');
    await expect.poll(() => metric(server, 'tftp_pki_database_up'), { timeout: 20_000 }).toBe(0);
  }
  const lost = await run('b', 'status', '--json');
  const away = JSON.parse(lost.text) as { database: { version: number; away: string } };
  expect(away.database).toMatchObject({ version: (known['database'] as { version: number }).version });
  expect(away.database.away).toContain('database');
  expect(lost.said).toContain('this is the last copy');
  // A node that is started anew meanwhile begins with its copy.
  await servers[2]?.stop();
  servers.length = 2;
  await serve('c');
  await delay(2_000);
  postgres.start();
  isKilled = false;
  await command('a', 'add-device', 'SEP00112233FFFF', '--model', 'CP-8851', '--protocol', 'SIP');
  for (const server of servers) {
    await server.until('database here', (line) => line.type === 'database' && line['state'] === 'here');
    await expect
      .poll(async () => (await ask(server, 'SEP00112233FFFF.cnf.xml.sgn')).kind, { timeout: 20_000 })
      .toBe('bytes');
    await expect.poll(() => metric(server, 'tftp_pki_database_up'), { timeout: 20_000 }).toBe(1);
  }
  const tally = await running.end();
  console.log(`${tally.boots} boots while the database died and came back, ${tally.bad.length} with a fault`);
  expect(tally.bad).toEqual([]);
  expect(tally.boots).toBeGreaterThan(20);
  await expect
    .poll(async () => (await command('b', 'status'))['serving'], { timeout: 20_000 })
    .toMatchObject(upToDate);

  // 3. Two of three die; who was served by them takes the last one's word for what they hold.
  const list = [...servers];
  for (const server of list.slice(0, 2)) server.child.kill('SIGKILL');
  const [, , third] = list;
  const last = await load.bootAll(third === undefined ? [] : [third]);
  expect(last).toEqual({ boots: phones.length, bad: [] });
  const silent = [{ state: 'silent' }, { state: 'silent' }, { state: 'up to date' }];
  await expect
    .poll(async () => (await command('c', 'status'))['serving'], { timeout: 30_000 })
    .toMatchObject(silent);
}, 300_000);

/**
 * Several nodes on one real PostgreSQL (design.md §7): a node joins, serves what is changed elsewhere, is fallen over
 * to, and leaves, while phones that remember their lists accept everything. The database dies and comes back.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { Failure } from '../../src/base/errors.ts';
import { markerName } from '../../src/core/trust/marker.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { loadPhone, savePhone } from '../../src/sim/phone-folder.ts';
import type { FileVerdict } from '../../src/core/phone/phone.ts';
import { decodeSignedHeader, type SignedHeader } from '../../src/wire/signed-header.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const crypto = createVerifier();
const phone = 'SEP001122330001';

let world: string;
let postgres: PostgresServer;
let database: string;
const servers: ServedNode[] = [];

beforeAll(async () => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-nodes-'));
  mkdirSync(join(world, 'files'));
  writeFileSync(join(world, 'files', 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
  database = await postgres.newDatabase();
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  postgres.stop();
  rmSync(world, { recursive: true });
});

async function run(node: string, ...words: readonly string[]): Promise<{ status: number; said: string }> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', join(world, node)], terminal);
  return { status, said: terminal.stderr.text };
}

async function command(node: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json', '--data', join(world, node)], terminal);
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
  return JSON.parse(terminal.stdout.text) as Record<string, unknown>;
}

async function serve(node: string): Promise<ServedNode> {
  const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const server = await serveProgram([...loopback, '--data', join(world, node)]);
  servers.push(server);
  return server;
}

async function fetchFrom(server: ServedNode, name: string): Promise<Uint8Array | undefined> {
  try {
    return await fetchTftp({ host: '127.0.0.1', port: server.port('tftp'), name, sizeBytesMax: 1_000_000 });
  } catch (error) {
    if (error instanceof Failure && error.code === 'not-found') return undefined;
    throw error;
  }
}

async function headerOf(server: ServedNode, name: string): Promise<SignedHeader | undefined> {
  const header = decodeSignedHeader((await fetchFrom(server, name)) ?? new Uint8Array());
  return header.ok ? header.value : undefined;
}

/** DIGEST ALGORITHM: 1 SHA-1, 3 SHA-512. */
async function digestOf(server: ServedNode, name: string): Promise<number | undefined> {
  return (await headerOf(server, name))?.digestCode;
}

/** The phone keeps what it took; nothing that it is offered may be refused. Gives its ITL. */
async function boot(server: ServedNode): Promise<string | null> {
  const folder = join(world, 'phones');
  const verdicts: FileVerdict[] = [];
  const result = await bootPhone({
    crypto,
    state: await loadPhone(folder, phone),
    fetch: async (name) => {
      const bytes = await fetchFrom(server, name);
      return bytes === undefined ? { kind: 'not-found' } : { kind: 'bytes', bytes };
    },
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report: (verdict) => verdicts.push(verdict),
  });
  await savePhone(folder, result.state);
  const bad = verdicts.filter(({ outcome }) => outcome !== 'accepted' && outcome !== 'not-found');
  expect({ ok: result.ok, bad }).toEqual({ ok: true, bad: [] });
  return result.state.itl;
}

async function isServed(server: ServedNode, name: string): Promise<void> {
  await expect.poll(() => fetchFrom(server, name), { timeout: 20_000, interval: 10 }).toBeDefined();
}

test('a node joins, is told of changes, is fallen over to, survives its database, and leaves', async () => {
  const files = ['--files', join(world, 'files')];
  await command('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database, ...files);
  await command('a', 'add-device', phone, '--model', 'CP-8851', '--protocol', 'SIP');
  const a = await serve('a');
  await boot(a);

  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  await command('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  const joining = ['join-node', '--node', 'b.example', '--database', database, ...files];
  const key = ['--key', p12, '--key-passphrase-file', pass];
  const planned = await command('b', ...joining, ...key, '--dry-run');
  expect(planned).toMatchObject({ dryRun: true, generation: null });
  const joined = await command('b', ...joining, ...key, '--yes');
  expect(joined).toMatchObject({ generation: 2 });
  expect(joined['lists']).toHaveLength(4);
  const b = await serve('b');

  // Lists of one moment: the phone falls over to the new node and back, and is refused nothing.
  const ofB = await boot(b);
  await expect
    .poll(async () => Buffer.from((await fetchFrom(a, 'ITLFile.tlv')) ?? []).toString('hex'))
    .not.toBe(ofB);
  await boot(a);
  await boot(b);

  // A phone that meets another node within its boot asks it for the file that shows belief: by one timestamp.
  const marker = `${markerName(crypto, 'lab', phone, 'ab'.repeat(32))}.sgn`;
  const ofA = (await headerOf(a, marker))?.timestamp;
  expect(ofA).toBeGreaterThan(0);
  expect((await headerOf(b, marker))?.timestamp).toBe(ofA);

  // How long it takes is measured in several-nodes-outage.test.ts.
  for (let index = 0; index < 4; index++) {
    const name = `SEP0011223301${String(index).padStart(2, '0')}`;
    await command('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
    await isServed(b, `${name}.cnf.xml.sgn`);
  }

  // What was served before is served while the database is away; both find back by themselves.
  postgres.kill();
  for (const server of [a, b]) expect(await fetchFrom(server, `ITLFile.tlv`)).toBeDefined();
  postgres.start();
  await command('a', 'add-device', 'SEP00112233FFFF', '--model', 'CP-8851', '--protocol', 'SIP');
  for (const server of [a, b]) await isServed(server, 'SEP00112233FFFF.cnf.xml.sgn');

  // Every list and every file of both is signed anew.
  appendFileSync(join(world, 'a', 'tftp-pki.yaml'), 'risk:\n  sha512Models: [CP-8851]\n');
  const hashed = await command('a', 'set-hash', 'sha512', '--yes');
  expect(hashed['lists']).toHaveLength(4);
  for (const server of [a, b]) {
    for (const name of ['ITLFile.tlv', 'CTLFile.tlv', 'Ringlist.xml.sgn'])
      await expect.poll(() => digestOf(server, name), { timeout: 20_000 }).toBe(3);
    await boot(server);
  }

  // The lists of both name the new host, and the other node is renamed nowhere but in its own folder.
  await command('a', 'rename-node', 'a.example', 'a2.example', '--yes');
  for (const server of [a, b]) {
    await expect
      .poll(async () => Buffer.from((await fetchFrom(server, 'ITLFile.tlv')) ?? []).includes('a2.example'), {
        timeout: 20_000,
      })
      .toBe(true);
    await boot(server);
  }
  const others = await run('a', 'rename-node', 'b.example', 'b2.example', '--yes');
  expect(others).toMatchObject({ status: 1, said: expect.stringContaining('join-node --node b2.example') });

  await command('a', 'remove-node', 'b.example', '--yes');
  await b.stop();
  await boot(a);
  expect(await command('a', 'status')).toMatchObject({ nodes: ['a.example'] });
}, 240_000);

test('a node does not remove itself, a taken name and a foreign key do not join, a password is not taken', async () => {
  const refused = async (node: string, ...words: readonly string[]): Promise<string> => {
    const terminal = fakeTerminal();
    expect(await runProgram([...words, '--data', join(world, node)], terminal)).not.toBe(0);
    return terminal.stderr.text;
  };
  const [p12, pass] = [join(world, 'foreign.p12'), join(world, 'export.pass')];
  await command('c', 'init', '--cluster', 'other', '--node', 'c.example');
  await command('c', 'export-recovery', p12, '--export-passphrase-file', pass);
  const key = ['--key', p12, '--key-passphrase-file', pass];
  const joining = ['join-node', '--database', database, ...key];
  expect(await refused('a', 'remove-node', 'a.example', '--yes')).toContain('does not remove itself');
  expect(await refused('d', ...joining, '--node', 'a.example', '--yes')).toContain('has a node a.example');
  expect(await refused('e', ...joining, '--node', 'e.example', '--yes')).toContain('not the ITLRecovery');
  const open = database.replace('postgres@', 'postgres:secret@');
  expect(await refused('f', 'join-node', '--database', open, ...key)).toContain('PGPASSFILE');
  expect(execFileSync('ls', [world], { encoding: 'utf8' })).not.toContain('f\n');
});

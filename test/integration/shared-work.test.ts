/**
 * What one of several nodes does or learns for all, with real processes on one real PostgreSQL (design.md §7): it tells
 * of certificates that end and signs changed devices ahead while the other is quiet, until it is killed; and the home of
 * a phone that it found is known to the other.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/base/text.ts';
import { runProgram } from '../helpers/run-program.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { openStore } from '../../src/store/open-store.ts';
import { encodeData, encodeError } from '../../src/wire/tftp-packet.ts';
import { foreignRemote, type TftpAct } from '../helpers/foreign-remote.ts';
import { ask } from '../helpers/phone-load.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { serveProgram, type LogLine, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const phones = ['SEP001122330001', 'SEP001122330002'] as const;

let world: string;
let postgres: PostgresServer;
let database: string;
let admin: OpenNode;
const servers: ServedNode[] = [];

beforeAll(async () => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-work-'));
  mkdirSync(join(world, 'files'));
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
  postgres = startPostgres();
  database = await postgres.newDatabase();
  const files = ['--files', join(world, 'files')];
  await command('a', 'init', '--cluster', 'lab', '--node', 'a.example', '--database', database, ...files);
  for (const name of phones)
    await command('a', 'add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  await command('a', 'import-cert', 'callmanager-ec', endsInThirtyDays());
  const [p12, pass] = [join(world, 'recovery.p12'), join(world, 'export.pass')];
  await command('a', 'export-recovery', p12, '--export-passphrase-file', pass);
  const key = ['--key', p12, '--key-passphrase-file', pass];
  await command('b', 'join-node', '--node', 'b.example', '--database', database, ...files, ...key, '--yes');
  admin = await openNode({ dataDir: join(world, 'b'), passphraseFile: undefined });
}, 240_000);
afterAll(async () => {
  for (const server of servers) await server.stop();
  await admin.close();
  postgres.stop();
  rmSync(world, { recursive: true });
});

/** A PKCS#12 with a key of its own, and no passphrase. */
function endsInThirtyDays(): string {
  const [key, certificate, p12] = ['ec.key', 'ec.pem', 'ec.p12'].map((name) => join(world, name));
  const openssl = (...args: readonly (string | undefined)[]): void => {
    const words = args.map((word) => word ?? '');
    execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const extensions = [
    'subjectAltName=DNS:a.example',
    'keyUsage=critical,digitalSignature,keyAgreement',
    'extendedKeyUsage=serverAuth,clientAuth',
    'basicConstraints=critical,CA:FALSE',
  ].flatMap((line) => ['-addext', line]);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes'];
  const out = ['-keyout', key, '-out', certificate];
  openssl('req', '-x509', ...curve, '-days', '30', '-subj', '/CN=a.example', ...extensions, ...out);
  openssl('pkcs12', '-export', '-inkey', key, '-in', certificate, '-out', p12, '-passout', 'pass:');
  return p12 ?? '';
}

async function command(node: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json', '--data', join(world, node)], terminal);
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
  const { text } = terminal.stdout;
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

async function serve(node: string): Promise<ServedNode> {
  const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const server = await serveProgram([...loopback, '--data', join(world, node)]);
  servers.push(server);
  return server;
}

const isWarning = (line: LogLine): boolean => line.type === 'certificate-expiry';
const isAhead = (line: LogLine): boolean => line.type === 'signed-ahead';

/** Gives the extension that its configuration names from then on. */
async function change(name: string, extension: string): Promise<void> {
  const device = await admin.store.findDevice(name);
  if (device === undefined) throw new Error(`${name} was added`);
  await admin.store.changeDevice({ ...device, lines: [{ index: 1, extension }] }, Date.now());
}

async function serves(server: ServedNode, name: string, extension: string): Promise<void> {
  const found = async (): Promise<boolean> => {
    const answer = await ask(server, name);
    return answer.kind === 'bytes' && Buffer.from(answer.bytes).includes(extension);
  };
  await expect.poll(found, { timeout: 30_000 }).toBe(true);
}

/** The newest timestamp that was given to a file of this name. */
async function signedAt(name: string): Promise<number> {
  const client = new Client({ connectionString: database });
  await client.connect();
  const text = 'select max(timestamp)::int as at from signed_timestamp where name = $1';
  const { rows } = await client.query<{ at: number | null }>(text, [name]);
  await client.end();
  return rows[0]?.at ?? 0;
}

test('one node warns of what ends and signs ahead, the other is quiet; killed, the other takes both without a change', async () => {
  const [first, second] = phones;
  const a = await serve('a');
  await a.until('a warning of what ends', isWarning);
  await change(first, '4000');
  await a.until('a device signed ahead', isAhead);
  const b = await serve('b');
  for (const extension of ['4001', '4002', '4003']) {
    const seen = a.log.length;
    await change(first, extension);
    await a.until('a device signed ahead', isAhead, seen);
    await serves(b, `${first}.cnf.xml.sgn`, extension);
  }
  // A process that hangs holds its work; what changes then is signed by nobody.
  a.child.kill('SIGSTOP');
  const before = await signedAt(`${second}.cnf.xml.sgn`);
  await change(second, '4004');
  await serves(b, `${second}.cnf.xml`, '4004');
  expect(b.log.filter((line) => isWarning(line) || isAhead(line))).toEqual([]);
  expect(await signedAt(`${second}.cnf.xml.sgn`)).toBe(before);
  a.child.kill('SIGKILL');
  await b.until('a device signed ahead', isAhead);
  await b.until('a warning of what ends', isWarning);
  expect(await signedAt(`${second}.cnf.xml.sgn`)).toBeGreaterThan(before);
  expect(b.log.find(isWarning)).toMatchObject({ purpose: 'callmanager-ec', daysLeft: 29 });
}, 240_000);

/** Has one file for each device whose name begins so, of one block; nothing else. */
function has(prefix: string): TftpAct {
  return (packet, answer) => {
    if (packet[1] !== 1) return;
    const name = packet.toString('latin1', 2, packet.indexOf(0, 2));
    const isOurs = name.startsWith(prefix) && name.endsWith('.cnf.xml');
    const reply = isOurs
      ? encodeData(1, encodeUtf8(`<device>${name}</device>\n`))
      : encodeError({ code: 1, text: 'File not found' });
    answer(Buffer.from(reply));
  };
}

test('a home that one node found is used by the other: it asks nobody else for that device', async () => {
  const [known, unknown] = ['SEP00AA00000001', 'SEP00AA00000002'];
  const [home, stranger] = [
    await foreignRemote('127.0.61.1', { tftp: has('SEP00AA') }),
    await foreignRemote('127.0.61.2', { tftp: has('SEP00BB') }),
  ];
  for (const [id, { server }] of Object.entries({ home, stranger })) {
    const at = `${server.tftp.address}:${server.tftp.port}`;
    await command('a', 'add-cluster', id, '--tftp', at, '--tftp-only');
  }
  const a = await serve('a');
  const b = servers[1];
  if (b === undefined) throw new Error('b serves');
  const askedOf = (name: string): readonly string[] => stranger.asked.filter((asked) => asked.includes(name));
  const fetched = async (server: ServedNode, name: string): Promise<void> =>
    serves(server, `${name}.cnf.xml`, name);
  await fetched(a, known);
  expect(askedOf(known).length).toBeGreaterThan(0);
  const path = join(world, 'b', 'snapshot.sqlite');
  const copy = await openStore({ path, readonly: true, crypto: createVerifier() });
  const isHome = { home: { kind: 'remote', cluster: 'home' } };
  await expect.poll(() => copy.findHome(known), { timeout: 30_000 }).toMatchObject(isHome);
  await copy.close();
  stranger.asked.length = 0;
  await fetched(b, known);
  expect(askedOf(known)).toEqual([]);
  // Whose home nobody knows is looked for everywhere.
  await fetched(b, unknown);
  expect(askedOf(unknown).length).toBeGreaterThan(0);
}, 240_000);

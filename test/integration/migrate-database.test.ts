/** `migrate-database`: a node on SQLite becomes the first one on a real PostgreSQL; phones notice nothing. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { auditChainFault } from '../../src/core/audit/audit-chain.ts';
import { filesBook } from '../../src/core/signing/sign-file.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { openStore } from '../../src/store/open-store.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const crypto = createVerifier();
const phone = 'SEP001122330001';

let world: string;
let data: string;
let postgres: PostgresServer;

beforeAll(() => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-move-'));
  data = join(world, 'data');
  mkdirSync(join(world, 'files'));
  postgres = startPostgres();
});
afterAll(() => {
  postgres.stop();
  rmSync(world, { recursive: true });
});

async function run(...words: readonly string[]) {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', data], terminal);
  return { status, said: terminal.stderr.text, text: terminal.stdout.text };
}

async function done(...words: readonly string[]): Promise<string> {
  const { status, said, text } = await run(...words);
  expect(`${status} ${said}`).toMatch(/^0 /);
  return text;
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

test('every row arrives, the folder stays as it was until it did, and the cluster goes on', async () => {
  await done('init', '--cluster', 'lab', '--node', 'a.example', '--files', join(world, 'files'));
  await done('add-device', phone, '--model', 'CP-8851', '--protocol', 'SIP', '--line', '1=1001');
  await done('add-device', 'SEP00112233FFFF', '--model', 'CP-8851', '--protocol', 'SIP');
  await done('remove-device', 'SEP00112233FFFF');
  await done('update-itl', '--rollback', '--yes');
  const configFile = join(data, 'tftp-pki.yaml');
  writeFileSync(configFile, `# a comment that stays\n${readFileSync(configFile, 'utf8')}`);
  const databaseFile = join(data, 'database.sqlite');
  const before = await openStore({ path: databaseFile, crypto });
  const timestamp = await before.signedTimestamp('a.xml.sgn', filesBook, 'A', 1_790_000_000);
  const was = {
    lists: await before.currentLists(),
    certificates: await before.listCertificates(),
    source: await before.findBuildSource(phone),
    version: await before.version(),
    audit: await before.listAudit(),
  };
  await before.close();
  const status = await done('status', '--json');

  // A database that breaks on the way leaves nothing behind, here or there.
  const broken = await postgres.newDatabase();
  await (await openStore({ url: broken, crypto })).close();
  await query(broken, 'alter table audit add constraint nobody check (seq < 2)');
  const config = digestOf(configFile);
  const failed = await run('migrate-database', broken);
  expect(failed.status).not.toBe(0);
  expect(digestOf(configFile)).toBe(config);
  expect(await query(broken, 'select count(*)::int as n from device')).toEqual([{ n: 0 }]);
  expect(await done('status', '--json')).toBe(status);

  // One that holds somebody else is left alone.
  const taken = await postgres.newDatabase();
  const other = await openStore({ url: taken, crypto });
  const created = { id: 'beta', mode: 'mixed', hash: 'sha1', createdMs: 1 } as const;
  const audit = { atMs: 1, who: 'test', operation: 'test', detail: {} };
  await other.createCluster(created, { name: 'x', createdMs: 1 }, [], audit);
  await other.close();
  expect(await run('migrate-database', taken)).toMatchObject({
    status: 1,
    said: expect.stringContaining('holds a cluster already'),
  });

  const url = await postgres.newDatabase();
  copyFileSync(configFile, join(world, 'before.yaml'));
  const moved = JSON.parse(await done('migrate-database', url, '--json')) as { rows: number };
  expect(moved.rows).toBeGreaterThan(20);
  expect(readFileSync(configFile, 'utf8')).toContain('# a comment that stays');
  expect(readFileSync(configFile, 'utf8')).toContain('node: a.example');
  const file = new Sqlite(databaseFile, { readonly: true });
  expect(file.pragma('integrity_check(1)', { simple: true })).toBe('ok');
  file.close();

  const after = await openStore({ url, thisNode: 'a.example', crypto });
  expect({
    lists: await after.currentLists(),
    certificates: await after.listCertificates(),
    source: await after.findBuildSource(phone),
    version: await after.version(),
    audit: await after.listAudit(),
  }).toEqual(was);
  expect(auditChainFault(crypto, await after.listAudit())).toBeUndefined();
  expect(await after.signedTimestamp('a.xml.sgn', filesBook, 'A', 1)).toBe(timestamp);
  expect(await after.signedTimestamp('a.xml.sgn', filesBook, 'B', 1)).toBe(timestamp + 1);
  await after.close();
  // It goes on: numbers of rows and generations are not given twice, and the database tells of changes.
  await done('update-itl', '--yes');
  expect(JSON.parse(await done('status', '--json'))).toMatchObject({ nodes: ['a.example'], devices: 1 });
  expect((await run('migrate-database', url)).said).toContain('is a PostgreSQL already');
  // The old database must not go into a backup as if it were the present one.
  writeFileSync(join(world, 'backup.pass'), 'opens the backup\n');
  const pass = ['--backup-passphrase-file', join(world, 'backup.pass')];
  const backup = await run('backup', join(world, 'node.sealed'), ...pass);
  expect(backup).toMatchObject({ status: 1, said: expect.stringContaining('is not in its folder') });
}, 120_000);

test('what an interrupted call had finished is recognised: only the settings are written', async () => {
  data = join(world, 'again');
  await done('init', '--cluster', 'again', '--node', 'a.example');
  const config = join(data, 'tftp-pki.yaml');
  copyFileSync(config, join(world, 'again.yaml'));
  const url = await postgres.newDatabase();
  await done('migrate-database', url);
  copyFileSync(join(world, 'again.yaml'), config);
  await done('migrate-database', url);
  expect(readFileSync(config, 'utf8')).toContain('database:');
  copyFileSync(join(world, 'again.yaml'), config);
  await done('add-device', phone, '--model', 'CP-8851', '--protocol', 'SIP');
  expect((await run('migrate-database', url)).said).toContain('holds a cluster already: device is not as');
}, 60_000);

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

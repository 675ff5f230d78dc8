/**
 * Keys in a PKCS#11 token (SoftHSM2): made there by init and renew-cert, signing ITL, CTL and .sgn for phones that
 * check them; a token that is away costs signatures, never the service; it is back by itself.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programPath } from '../cli/testscript.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-token-'));
const at = (name: string): string => join(world, name);
const tokenModule = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'].find(
  (path) => spawnSync('test', ['-e', path]).status === 0,
);
const environment = { ...process.env, SOFTHSM2_CONF: at('softhsm2.conf') };
const phone = 'SEP001122334455';

/** Programs run while this process waits: a connection that is kept would be found closed. */
const unkept = { headers: { connection: 'close' } };

let server: ServedNode;

beforeAll(async () => {
  mkdirSync(at('tokens'));
  mkdirSync(at('files'));
  writeFileSync(at('softhsm2.conf'), `directories.tokendir = ${at('tokens')}\nlog.level = ERROR\n`);
  writeFileSync(at('pin'), '1234\n');
  writeFileSync(at('export.pass'), 'export\n');
  for (const name of ['Ringlist.xml', 'AppDialRules.xml']) writeFileSync(at(`files/${name}`), '<list/>\n');
  writeFileSync(at(`files/${phone}.cnf.xml`), '<device/>\n');
  const label = ['--label', 'phones', '--pin', '1234', '--so-pin', '4321'];
  execFileSync('softhsm2-util', ['--init-token', '--free', ...label], { env: environment });
  const token = `--token phones --token-module ${tokenModule} --token-pin-file ${at('pin')}`;
  run(`init --cluster lab --node n.example --files ${at('files')} ${token}`);
  server = await serve();
}, 120_000);

afterAll(async () => {
  await server.stop();
  rmSync(world, { recursive: true });
});

function serve(): Promise<ServedNode> {
  const places = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  return serveProgram([...places, '--data', at('data')], { env: environment });
}

async function restart(): Promise<void> {
  await server.stop();
  server = await serve();
}

/** One command line; no word of it has a blank. */
function run(line: string): void {
  const { status, stderr } = attempt(line);
  expect(`${status} ${stderr}`).toMatch(/^0 /);
}

function attempt(line: string): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, [programPath, ...line.split(' '), '--data', at('data')], {
    encoding: 'utf8',
    env: environment,
  });
}

/** How many key files are a reference, and how many a key. */
function keyFiles(): { readonly inToken: number; readonly encrypted: number } {
  const texts = readdirSync(at('data/keys')).map((name) => readFileSync(at(`data/keys/${name}`), 'utf8'));
  const starting = (words: string): number => texts.filter((text) => text.startsWith(words)).length;
  return {
    inToken: starting('-----BEGIN PKCS11 KEY REFERENCE-----\n'),
    encrypted: starting('-----BEGIN ENCRYPTED PRIVATE KEY-----\n'),
  };
}

const place = (service: string): string => `127.0.0.1:${server.port(service)}`;

/** A phone that remembers takes lists and configuration. */
function boot(): void {
  const places = `--server ${place('tftp')} --http ${place('http')}`;
  run(`boot-phone ${phone} ${places} --state ${at('phones')}`);
}

/** Until the server serves the new lists. */
async function changeTrust(line: string): Promise<void> {
  const before = await itl();
  run(`${line} --yes`);
  await expect.poll(itl, { timeout: 10_000 }).not.toEqual(before);
}

async function itl(): Promise<string> {
  const answer = await fetch(`http://${place('http')}/ITLFile.tlv`, unkept);
  return Buffer.from(await answer.arrayBuffer()).toString('hex');
}

async function statusOf(name: string): Promise<number> {
  return (await fetch(`http://${place('http')}/${name}`, unkept)).status;
}

describe('keys in a token', { timeout: 120_000 }, () => {
  test('the two that sign are made there, the TLS keys in software', () => {
    expect(keyFiles()).toEqual({ inToken: 2, encrypted: 3 });
  });

  test('they do not leave it, and the refusal says so', () => {
    const { status, stderr } = attempt(
      `export-recovery ${at('x.p12')} --export-passphrase-file ${at('export.pass')}`,
    );
    expect(status).toBe(1);
    expect(stderr).toContain('the private key is in a token and does not leave it');
  });

  test('phones take what they sign, through a renewal in the token', { timeout: 120_000 }, async () => {
    boot();
    await changeTrust('renew-cert callmanager');
    expect(keyFiles()).toEqual({ inToken: 3, encrypted: 3 });
    boot();
    await changeTrust('renew-cert callmanager --switch');
    boot();
  });

  test('a token that is away: the reason is told, what needs no new signature is served', async () => {
    const kept = `${phone}.cnf.xml.sgn`;
    expect(await statusOf(kept)).toBe(200);
    renameSync(at('tokens'), at('away'));
    const { status, stderr } = attempt('update-itl --yes');
    expect(status).toBe(4);
    expect(stderr).toContain("the token 'phones' does not answer");
    await restart();
    const names = ['ITLFile.tlv', 'CTLFile.tlv', 'Ringlist.xml', 'Ringlist.xml.sgn'];
    expect(await Promise.all(names.map(statusOf))).toEqual([200, 200, 200, 503]);
    await server.until('the reason', (line) => JSON.stringify(line).includes("token 'phones'"));
    renameSync(at('away'), at('tokens'));
    expect(await statusOf('Ringlist.xml.sgn')).toBe(200);
    boot();
  });

  test('a wrong PIN is tried once, since tokens lock after a few', async () => {
    writeFileSync(at('pin'), 'a wrong PIN\n');
    await restart();
    const asked = ['Ringlist.xml.sgn', 'AppDialRules.xml.sgn', `${phone}.cnf.xml.sgn`];
    for (const name of asked) expect(await statusOf(name)).toBe(503);
    await server.until('the refusal', (line) => JSON.stringify(line).includes('refuses the PIN'));
    expect(JSON.stringify(server.log)).not.toContain('a wrong PIN');
    writeFileSync(at('pin'), '1234\n');
    expect(await statusOf('Ringlist.xml.sgn')).toBe(503);
    await restart();
    expect(await statusOf('Ringlist.xml.sgn')).toBe(200);
  });
});

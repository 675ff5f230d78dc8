/** Encrypted configurations of a served node, by every way a phone or a thief asks; its log holds no secret (issue: Done 5). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { opensslDecrypt } from '../helpers/openssl-decrypt.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const device = 'SEP001122334455';
const secret = 'correct-horse-battery';
const plain = Buffer.from(
  `<device><loadInformation>sip88xx.14</loadInformation><sshPassword>${secret}</sshPassword></device>\n`,
);
const world = mkdtempSync(join(tmpdir(), 'tftp-pki-encrypted-'));
const at = (...names: readonly string[]): string => join(world, ...names);
let server: ServedNode;
let said = '';

async function run(...words: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  const status = await runProgram(words, terminal);
  said += terminal.stdout.text + terminal.stderr.text;
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
  return terminal.stdout.text;
}

const listen = (...services: readonly string[]): readonly string[] =>
  services.flatMap((service) => [`--${service}`, '127.0.0.1:0']);

beforeAll(async () => {
  mkdirSync(at('files'));
  writeFileSync(at('files', `${device}.cnf.xml`), plain);
  const key = ['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=CP-8861-${device}`, '-days', '1000'];
  execFileSync('openssl', ['req', '-x509', ...key, '-keyout', at('phone.key'), '-out', at('phone.pem')], {
    stdio: 'ignore',
  });
  await run('init', '--cluster', 'office', '--node', 'tftp-a', '--files', at('files'), '--data', at('node'));
  const phone = ['--model', 'CP-8861', '--protocol', 'SIP', '--certificate', at('phone.pem')];
  await run('add-device', device, ...phone, '--encrypted-only', '--data', at('node'));
  server = await serveProgram([...listen('tftp', 'http', 'https'), '--data', at('node')]);
}, 120_000);

afterAll(async () => {
  await server.stop();
  rmSync(world, { recursive: true });
}, 120_000);

const byTftp = (name: string): Promise<Uint8Array> =>
  fetchTftp({ host: '127.0.0.1', port: server.port('tftp'), name });
const byHttp = (name: string): Promise<Uint8Array> =>
  fetchHttp({ host: '127.0.0.1', port: server.port('http'), name });

function byHttps(name: string, own: { key?: string; cert?: string }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.port('https'), path: `/${name}`, agent: false };
    const asking = request({ ...options, rejectUnauthorized: false, ...own }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts)));
    });
    asking.on('error', reject).end();
  });
}

test('whoever asks gets what only the phone can read', { timeout: 120_000 }, async () => {
  await server.until('listening https', (line) => line['service'] === 'https');
  for (const fetch of [byTftp, byHttp]) {
    const encrypted = await fetch(`${device}.cnf.xml.enc.sgn`);
    expect(opensslDecrypt(encrypted, readFileSync(at('phone.key'), 'utf8'))).toEqual(plain);
    for (const name of [`${device}.cnf.xml`, `${device}.cnf.xml.sgn`]) {
      const stub = Buffer.from(await fetch(name)).toString('latin1');
      expect(stub).toContain('<encrConfig>true</encrConfig>');
      expect(stub).not.toContain(secret);
    }
  }
  const own = { key: readFileSync(at('phone.key'), 'utf8'), cert: readFileSync(at('phone.pem'), 'utf8') };
  // Mixed, so that an answer for one would show up for the other.
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) => byHttps(`${device}.cnf.xml.sgn`, index % 2 === 0 ? own : {})),
  );
  expect(answers.map((answer) => answer.equals(plain))).toEqual([true, false, true, false, true, false]);
  expect(answers.filter((answer) => answer.includes(secret))).toHaveLength(3);
});

test('a phone accepts the encrypted file by its ITL', { timeout: 120_000 }, async () => {
  const lists = await byTftp('ITLFile.tlv');
  writeFileSync(at('ITLFile.tlv'), lists);
  writeFileSync(at(`${device}.cnf.xml.enc.sgn`), await byTftp(`${device}.cnf.xml.enc.sgn`));
  await run('verify', at(`${device}.cnf.xml.enc.sgn`), '--trust-list', at('ITLFile.tlv'));
  const trust = ['--trust-list', at('ITLFile.tlv'), '-o', at('plain.xml')];
  await run('decrypt', at(`${device}.cnf.xml.enc.sgn`), '--key', at('phone.key'), ...trust);
  expect(readFileSync(at('plain.xml'))).toEqual(plain);
  await run('explain', device, '--data', at('node'));
});

test('no log and no output holds the secret', () => {
  expect(JSON.stringify(server.log) + server.said()).not.toContain(secret);
  expect(said).not.toContain(secret);
  expect(server.log.length).toBeGreaterThan(5);
});

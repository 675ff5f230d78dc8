/**
 * Marked passphrases and the numbers of every private key, looked for in all that commands and servers say, in the list
 * of processes, and in the files of the folder that are not their own.
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { readPrivateKey } from '../../src/pki/private-key.ts';
import { findSecrets, refuseSecrets, secretKey, secretText, type Secret } from '../helpers/secrets.ts';
import { serveProgram } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-secrets-'));
const at = (name: string): string => join(world, name);
const given = (file: string): string => join(import.meta.dirname, '../vectors/open-tool', file);
const words = {
  node: 'Marked-node-passphrase-7f3a',
  export: 'Marked-export-passphrase-91cc',
  wrong: 'Marked-wrong-e2b0',
};
const said: Buffer[] = [];

async function run(line: string): Promise<number> {
  const terminal = fakeTerminal();
  const status = await runProgram([...line.split(' '), '--data', at('data')], terminal);
  said.push(Buffer.from(terminal.stdout.text), Buffer.from(terminal.stderr.text));
  return status;
}

function secrets(): readonly Secret[] {
  const keys = readdirSync(at('data/keys')).map((name) =>
    secretKey(name, readPrivateKey(readFileSync(at(`data/keys/${name}`), 'latin1'), words.node)),
  );
  const recovery = secretKey('itlrecovery.pem', createPrivateKey(readFileSync(given('itlrecovery.pem'))));
  return [...Object.entries(words).map(([name, text]) => secretText(name, text)), recovery, ...keys];
}

beforeAll(() => {
  mkdirSync(at('files'));
  writeFileSync(at('files/Ringlist.xml'), '<list/>\n');
  for (const [name, text] of Object.entries(words)) writeFileSync(at(name), `${text}\n`, { mode: 0o600 });
  writeFileSync(at('damaged.pem'), readFileSync(given('callmanager.pem'), 'latin1').replaceAll('A', 'B'));
});
afterAll(() => rmSync(world, { recursive: true }));

describe('the search', () => {
  test('finds a passphrase and a key in the forms in which they leak', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = secretKey('key', privateKey);
    const d = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    const leaks = [d.toString('hex'), BigInt(`0x${d.toString('hex')}`).toString(), d.toString('base64url')];
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().replaceAll('\n', '');
    for (const leak of [...leaks, pem])
      expect(findSecrets(Buffer.from(`x ${leak} y`), [key])).toEqual(['key']);
    expect(findSecrets(Buffer.concat([Buffer.of(1), d]), [key])).toEqual(['key']);
    const text = secretText('text', words.node);
    expect(findSecrets(Buffer.from(Buffer.from(words.node).toString('base64')), [text])).toEqual(['text']);
    expect(findSecrets(Buffer.from('nothing'), [key, text])).toEqual([]);
    expect(() => refuseSecrets(readFileSync(given('tvs.pem')))).toThrow('the key of tvs.pem');
  });
});

describe('nobody says a secret', () => {
  const node = `--passphrase-file ${at('node')}`;
  const wrong = `--passphrase-file ${at('wrong')}`;

  test('commands, with what they are given right and wrong', { timeout: 240_000 }, async () => {
    const adopt = `adopt --sast ${given('itlrecovery.pem')} --callmanager ${given('callmanager.pem')}`;
    const lists = `--itl ${given('ITL-sha1.tlv')} --ctl ${given('CTL-sha1.tlv')} --files ${at('files')}`;
    const p12 = at('recovery.p12');
    const opens = (name: string): string => `--key-passphrase-file ${at(name)}`;
    const lines: readonly (readonly [string, number])[] = [
      [`${adopt} ${lists} ${node}`, 0],
      [`update-itl --yes ${wrong}`, 3],
      [`update-itl --yes --json ${node}`, 0],
      [`export-recovery ${p12} --export-passphrase-file ${at('export')} ${node}`, 0],
      [`reset-itl remotekey --key ${p12} ${opens('wrong')} --yes ${node}`, 3],
      [`reset-itl remotekey --key ${p12} ${opens('export')} --dry-run --json ${node}`, 0],
      [`renew-cert callmanager --yes ${node}`, 0],
      [`issue-cert callmanager-ec --csr -o ${at('ec.csr')} ${node}`, 0],
      [`sign ${at('files/Ringlist.xml')} --key ${at('damaged.pem')} -o ${at('out')} ${node}`, 1],
      [`sign ${at('files/Ringlist.xml')} --key ${given('callmanager.pem')} -o ${at('out.sgn')}`, 0],
      [`inspect ${at('out.sgn')}`, 0],
      ['list-certs --json', 0],
      ['status --json', 0],
      ['audit --json', 0],
    ];
    for (const [line, status] of lines) expect([line, await run(line)]).toEqual([line, status]);
  });

  test('a server at its most talkative, and the list of processes', { timeout: 120_000 }, async () => {
    const places = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', at('data')];
    const options = { env: { TFTP_PKI_LOG_LEVEL: 'debug' } };
    const server = await serveProgram([...places, '--passphrase-file', at('node')], options);
    try {
      for (const name of ['ITLFile.tlv', 'Ringlist.xml.sgn', '../keys/x', 'passphrase'])
        said.push(
          Buffer.from(await (await fetch(`http://127.0.0.1:${server.port('http')}/${name}`)).arrayBuffer()),
        );
      const pids = [server.child.pid ?? 0, ...server.edges()];
      expect(pids.length).toBeGreaterThan(1);
      for (const pid of pids)
        for (const file of ['cmdline', 'environ']) said.push(readFileSync(`/proc/${pid}/${file}`));
    } finally {
      await server.stop();
    }
    said.push(Buffer.from(server.said()), Buffer.from(JSON.stringify(server.log)));
    const refused = serveProgram([...places, '--passphrase-file', at('wrong')]);
    said.push(Buffer.from(String(await refused.catch((error: unknown) => error))));
    await expect(refused).rejects.toThrow('passphrase');
  });

  test('what they said, and what lies in the folder', () => {
    const all = secrets();
    expect(all.length).toBeGreaterThan(8);
    expect(said.length).toBeGreaterThan(30);
    for (const bytes of said)
      expect([bytes.toString('latin1'), findSecrets(bytes, all)]).toEqual([expect.anything(), []]);
    const files = readdirSync(at('data'), { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    expect(files.length).toBeGreaterThan(6);
    for (const { parentPath, name } of files)
      expect([name, findSecrets(readFileSync(join(parentPath, name)), all)]).toEqual([name, []]);
    for (const name of ['ec.csr', 'out.sgn', 'recovery.p12'])
      expect([name, findSecrets(readFileSync(at(name)), all)]).toEqual([name, []]);
  });
});

/** `npm start` and the clients of the world: each fetches, byte for byte; what is signed verifies by openssl. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, repository, runQuickstart, startQuickstart } from './quickstart-server.ts';
import type { Ports, Quickstart } from './quickstart-server.ts';
import { cutSigned, listedCertificates, opensslVerifies } from './signed-by-hand.ts';

const run = promisify(execFile);
const roles = { sast: 0, ccmTftp: 2, tftp: 3 };
const device = 'SEP001122334455';

/** Client → its command line for fetching `name` into `out`. */
const clients: Record<string, (ports: Ports, name: string, out: string) => readonly string[]> = {
  'curl over TFTP': ({ tftp }, name, out) => ['curl', '-sS', '-o', out, `tftp://127.0.0.1:${tftp}/${name}`],
  'curl with a block size': ({ tftp }, name, out) =>
    // prettier-ignore
    ['curl', '-sS', '--tftp-blksize', '1428', '-o', out, `tftp://127.0.0.1:${tftp}/${name}`],
  atftp: ({ tftp }, name, out) => ['atftp', '--get', '-r', name, '-l', out, '127.0.0.1', `${tftp}`],
  'atftp with a window': ({ tftp }, name, out) =>
    // prettier-ignore
    ['atftp', '--option', 'blksize 1428', '--option', 'windowsize 4', '--get', '-r', name, '-l', out, '127.0.0.1', `${tftp}`],
  'tftp-hpa': ({ tftp }, name, out) => [
    'tftp',
    '-m',
    'binary',
    '127.0.0.1',
    `${tftp}`,
    '-c',
    'get',
    name,
    out,
  ],
  busybox: ({ tftp }, name, out) => ['busybox', 'tftp', '-g', '-r', name, '-l', out, '127.0.0.1', `${tftp}`],
  'busybox with a block size': ({ tftp }, name, out) =>
    // prettier-ignore
    ['busybox', 'tftp', '-b', '1428', '-g', '-r', name, '-l', out, '127.0.0.1', `${tftp}`],
  'curl over HTTP': ({ http }, name, out) => ['curl', '-sSf', '-o', out, `http://127.0.0.1:${http}/${name}`],
};

let folder: string;
let quickstart: Quickstart;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tftp-pki-interop-'));
  quickstart = await startQuickstart(join(folder, 'data'), await freePorts());
}, 90_000);

afterAll(async () => {
  await quickstart.interrupt();
  await rm(folder, { recursive: true });
});

async function fetchWith(client: string, name: string): Promise<Buffer> {
  const out = join(folder, `${client}-${name}`.replaceAll(' ', '-'));
  const [program = '', ...args] = (clients[client] ?? neverMissing())(quickstart.ports, name, out);
  await run(program, args, { timeout: 20_000 });
  return readFile(out);
}

describe.each(Object.keys(clients))('%s', (client) => {
  it('fetches a ring list byte for byte', async () => {
    expect(await fetchWith(client, 'Ringlist.xml')).toEqual(await example('Ringlist.xml'));
  });

  it('fetches a file of many blocks byte for byte', async () => {
    expect(await fetchWith(client, 'SoftKeys.xml')).toEqual(await example('SoftKeys.xml'));
  });

  it.each([`${device}.cnf.xml`, 'Ringlist.xml'])(
    'fetches %s.sgn, signed by the list as TFTP',
    async (name) => {
      const list = listedCertificates(await fetchWith(client, 'ITLFile.tlv'));
      const cut = cutSigned(await fetchWith(client, `${name}.sgn`));
      expect(cut.fileName).toBe(`${name}.sgn`);
      expect(cut.body).toEqual(await example(name));
      const signer = list.find(({ serial, role }) => serial === cut.serial && role !== roles.sast);
      expect([roles.ccmTftp, roles.tftp]).toContain(signer?.role);
      expect(opensslVerifies(cut, signer?.der ?? neverMissing())).toBe(true);
      const other = list.find(({ serial }) => serial !== cut.serial);
      expect(opensslVerifies(cut, other?.der ?? neverMissing())).toBe(false);
    },
  );

  it.each(['ITLFile.tlv', 'CTLFile.tlv'])('fetches %s, signed by a SAST of both lists', async (name) => {
    const file = await fetchWith(client, name);
    const cut = cutSigned(file);
    expect(cut.fileName).toBe(name);
    for (const list of [await fetchWith(client, 'ITLFile.tlv'), await fetchWith(client, 'CTLFile.tlv')]) {
      const signer = listedCertificates(list).find(
        ({ serial, role }) => serial === cut.serial && role === roles.sast,
      );
      expect(opensslVerifies(cut, signer?.der ?? neverMissing())).toBe(true);
    }
  });
});

describe('npm start', () => {
  it('prints a line per request', async () => {
    await fetchWith('tftp-hpa', 'DialTemplate.xml');
    await expect.poll(() => quickstart.output()).toMatch(/DialTemplate\.xml/);
  });

  it('prints three commands that work as they stand', async () => {
    const shown = quickstart.output().match(/^ {2}(?:curl|npx) .*$/gm) ?? [];
    expect(shown).toHaveLength(3);
    const env = { ...process.env, INIT_CWD: repository };
    for (const command of shown) {
      const line = command.replace(/var\/SEP/, `${folder}/SEP`);
      await run('sh', ['-c', line], { cwd: repository, env, timeout: 30_000 });
    }
  }, 90_000);

  it('says what it cannot listen on and ends with 4', async () => {
    const { status, output } = await runQuickstart(join(folder, 'data'), quickstart.ports);
    expect(output).toMatch(new RegExp(`error: .*${quickstart.ports.tftp}`));
    expect(status).toBe(4);
  });

  it('refuses unknown options with the ones it has', async () => {
    const { stderr, code } = (await run(process.execPath, [
      join(repository, 'tools/start.mjs'),
      '--port',
      '1',
    ]).catch((error: { stderr: string; code: number }) => error)) as { stderr: string; code: number };
    expect(stderr).toContain('--tftp ADDR:PORT');
    expect(code).toBe(1);
  });

  it('ends with 0 on Ctrl-C, keeps its state, and the second start serves within two seconds', async () => {
    const data = join(folder, 'second');
    const ports = await freePorts();
    const first = await startQuickstart(data, ports);
    const list = await fetchList(ports);
    expect(await first.interrupt()).toBe(0);

    const readyAfterMs: number[] = [];
    // The machine may be busy with other tests; what is promised is what it can do.
    for (let attempt = 0; attempt < 6 && !readyAfterMs.some((ms) => ms < 2_000); attempt++) {
      const again = await startQuickstart(data, ports, 'node');
      readyAfterMs.push(again.readyAfterMs);
      expect(await fetchList(ports)).toEqual(list);
      expect(await again.interrupt()).toBe(0);
    }
    expect(Math.min(...readyAfterMs)).toBeLessThan(2_000);
  }, 120_000);
});

async function fetchList(ports: Ports): Promise<Buffer> {
  return Buffer.from(await (await fetch(`http://127.0.0.1:${ports.http}/ITLFile.tlv`)).arrayBuffer());
}

function example(name: string): Promise<Buffer> {
  return readFile(join(repository, 'examples/provisioning', name));
}

function neverMissing(): never {
  throw new Error('the fixture of this test is missing');
}

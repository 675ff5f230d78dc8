/** tftpd-hpa and nginx as remote clusters: software of others, unsigned files, no option and no header of ours needed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RemoteAnswer } from '../../src/core/cluster/remote.ts';
import { content } from '../conformance/served.ts';
import { asker, relayWorld, remoteCluster } from '../helpers/relay-world.ts';
import { freeTcpPort, freeUdpPort } from '../helpers/free-port.ts';

const address = '127.0.12.1';
const device = 'SEP001122334455';
const config = Buffer.from('<device><versionStamp>1</versionStamp></device>\n');
const ring = content(90_000);

test('a search finds the device, its files come whole, a miss is a word', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-foreign-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = join(folder, 'files');
  mkdirSync(files, { mode: 0o755 });
  writeFileSync(join(files, `${device}.cnf.xml`), config, { mode: 0o644 });
  writeFileSync(join(files, 'Bells.raw'), ring, { mode: 0o644 });
  const [httpPort, tftpPort] = [await freeTcpPort(address), await freeUdpPort(address)];
  startNginx(folder, files, httpPort);
  start('in.tftpd', ['-L', '-4', '-a', `${address}:${tftpPort}`, '-u', 'root', '-s', files]);
  const endpoint = (port: number) => ({ address, port });
  const unsigned = { pin: undefined, secure: false };
  const { relay } = relayWorld({
    remotes: [
      remoteCluster('nginx', [{ tftp: endpoint(9), http: endpoint(httpPort), tvs: endpoint(9) }], unsigned),
      remoteCluster('tftpd', [{ tftp: endpoint(tftpPort), http: undefined, tvs: endpoint(9) }], unsigned),
    ],
    budgetMs: 10_000,
  });
  for (const cluster of ['nginx', 'tftpd']) {
    const fetch = (name: string): Promise<RemoteAnswer> => relay.fetch(cluster, name, asker());
    await expect.poll(async () => (await fetch(`${device}.cnf.xml`)).kind, { timeout: 30_000 }).toBe('have');
    expect(await fetch(`${device}.cnf.xml`)).toMatchObject({
      content: { kind: 'memory', bytes: new Uint8Array(config) },
    });
    expect(await fetch('Bells.raw')).toMatchObject({
      kind: 'have',
      content: { kind: 'file', identity: { size: ring.length } },
    });
    for (const miss of [`CTL${device}.tlv`, 'ITLFile.tlv', `${device}.cnf.xml.sgn`])
      expect((await fetch(miss)).kind).toBe('not-found');
  }
  const { claims } = await relay.search(device, asker());
  expect([...claims.values()]).toContain('have');
  const nobody = await relay.search('SEP0011223344FF', asker());
  expect([[...nobody.claims.values()], nobody.finished]).toEqual([['not-found', 'not-found'], true]);
});

function startNginx(folder: string, files: string, port: number): void {
  const configuration = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${join(folder, what)};`,
  );
  writeFileSync(
    configuration,
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http { access_log off; ${temporary.join(' ')} server { listen ${address}:${port}; root ${files}; } }
`,
  );
  start('nginx', ['-c', configuration, '-p', folder, '-e', 'stderr']);
}

/** Unpacked by tools/set-up.mjs, or installed. */
function start(program: string, args: readonly string[]): void {
  const peers = join(import.meta.dirname, '../../var/bench/peers');
  const found = [join(peers, 'usr/sbin', program), join('/usr/sbin', program)].find((path) =>
    existsSync(path),
  );
  if (found === undefined) throw new Error(`${program} is missing: node tools/set-up.mjs test`);
  const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib/x86_64-linux-gnu'];
  const LD_LIBRARY_PATH = libraries.map((path) => join(peers, path)).join(':');
  const child = spawn(found, args, { env: { ...process.env, LD_LIBRARY_PATH }, stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

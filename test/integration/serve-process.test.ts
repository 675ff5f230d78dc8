/** `serve` as processes: edge and back, privileges, reload, crashes, activation (design.md §2, security.md §4). */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { closeSockets, openSockets } from '../../src/net/handed-sockets.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { programPath } from '../cli/testscript.ts';
import { runProgram } from '../helpers/run-program.ts';
import { serveProgram, userOf, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-serve-'));
const files = join(folder, 'files');
const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
const ringList = '<CiscoIPPhoneRingList></CiscoIPPhoneRingList>';

beforeAll(async () => {
  mkdirSync(files);
  chmodSync(folder, 0o755);
  writeFileSync(join(files, 'Ringlist.xml'), ringList);
  const init = ['init', '--cluster', 'lab', '--node', 'localhost', '--files', files];
  expect(await runProgram([...init, '--data', join(folder, 'made')], fakeTerminal())).toBe(0);
});

afterAll(() => rmSync(folder, { recursive: true }));

function newNode(name: string): string {
  const data = join(folder, name);
  cpSync(join(folder, 'made'), data, { recursive: true });
  return data;
}

async function serve(...args: Parameters<typeof serveProgram>): Promise<ServedNode> {
  const node = await serveProgram(...args);
  onTestFinished(() => void node.child.kill('SIGKILL'));
  return node;
}

function fetchFrom(node: ServedNode, name: string): Promise<Uint8Array> {
  return fetchTftp({ host: '127.0.0.1', port: node.port('tftp'), name, sizeBytesMax: 100_000 });
}

describe('edge and back', () => {
  it('a killed edge is back in less than 2 s and no waiting request is lost', async () => {
    const node = await serve([...loopback, '--data', newNode('killed')]);
    expect(userOf(node.edges()[0] ?? 0)).toBe(userOf(process.pid));
    const backAfterMs: number[] = [];
    // The machine may be busy with other tests; what is promised is what it can do.
    for (let attempt = 0; attempt < 5 && !backAfterMs.some((ms) => ms < 2_000); attempt++) {
      const before = node.log.length;
      process.kill(node.edges()[0] ?? 0, 'SIGKILL');
      const asked = performance.now();
      const signed = await fetchFrom(node, 'Ringlist.xml.sgn');
      backAfterMs.push(performance.now() - asked);
      expect(Buffer.from(signed).toString('latin1')).toContain(ringList);
      await node.until('warning', (line) => JSON.stringify(line).includes('SIGKILL'), before);
      expect(node.edges()).toHaveLength(1);
    }
    expect(Math.min(...backAfterMs)).toBeLessThan(2_000);
    expect(await node.stop()).toBe(0);
  }, 90_000);

  it('the edge ends with the back, however that ends', async () => {
    const node = await serve([...loopback, '--data', newNode('orphan')]);
    const [edge = 0] = node.edges();
    node.child.kill('SIGKILL');
    const endMs = performance.now() + 5_000;
    while (isAlive(edge) && performance.now() < endMs) await delay(10);
    expect(isAlive(edge)).toBe(false);
  });

  it('the edge inherits no environment of ours and opens no database', async () => {
    const env = { TFTP_PKI_LOG_LEVEL: 'debug' };
    const node = await serve([...loopback, '--data', newNode('environment')], { env });
    const [edge = 0] = node.edges();
    expect(execFileSync('cat', [`/proc/${edge}/environ`], { encoding: 'utf8' })).not.toContain('TFTP_PKI');
    const open = execFileSync('ls', ['-l', `/proc/${edge}/fd`], { encoding: 'utf8' });
    expect(open).not.toContain('database.sqlite');
    expect(open).not.toContain('/keys/');
    expect(await node.stop()).toBe(0);
  });
});

describe.runIf(process.getuid?.() === 0)('started as root', () => {
  it('becomes --user for good, in both processes, after binding a port below 1024', async () => {
    const data = newNode('dropped');
    execFileSync('chown', ['-R', 'nobody', data]);
    const [low] = await freeLowPort();
    const node = await serve(['--tftp', `127.0.0.1:${low}`, '--user', 'nobody', '--data', data]);
    const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
    const [edge = 0] = node.edges();
    expect([userOf(node.child.pid ?? 0), userOf(edge)]).toEqual([nobody, nobody]);
    expect((await fetchFrom(node, 'Ringlist.xml.sgn')).length).toBeGreaterThan(ringList.length);
    process.kill(edge, 'SIGKILL');
    expect((await fetchFrom(node, 'Ringlist.xml')).length).toBe(ringList.length);
    expect(await node.stop()).toBe(0);
  });

  it('serves loopback only without --user, and says so', async () => {
    const args = ['serve', '--root', files, '--tftp', '0.0.0.0:0'];
    const ran = await runToEnd(args);
    expect(ran.status).toBe(4);
    expect(ran.stderr).toMatch(/as root only loopback is served, not 0\.0\.0\.0[\s\S]*--user/);
  });
});

describe('socket activation', () => {
  it('takes the sockets that the service manager bound (sd_listen_fds)', async () => {
    const bound = openSockets([
      { service: 'tftp', address: '127.0.0.1', port: 0 },
      { service: 'http', address: '127.0.0.1', port: 0 },
    ]);
    if (!bound.ok) throw new Error(bound.error);
    const [tftp, http] = bound.value;
    const node = await serve(['--data', newNode('activated')], {
      // LISTEN_PID is the pid after exec, which only the shell in between knows.
      wrap: ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"'],
      stdio: ['ignore', 'pipe', 'pipe', tftp?.fd ?? 0, http?.fd ?? 0],
      env: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'tftp:http' },
    });
    closeSockets(bound.value);
    expect(node.port('tftp')).toBe(tftp?.port);
    expect((await fetchFrom(node, 'Ringlist.xml')).length).toBe(ringList.length);
    const answer = await fetch(`http://127.0.0.1:${http?.port}/Ringlist.xml`);
    expect(await answer.text()).toBe(ringList);
    expect(await node.stop()).toBe(0);
  });
});

describe('reload', () => {
  it('loses no request, takes new limits and files, and keeps the old configuration when the new one is broken', async () => {
    const data = newNode('reloaded');
    const node = await serve([...loopback, '--data', data]);
    const config = join(data, 'tftp-pki.yaml');
    let lost = 0;
    let fetched = 0;
    const loadEnds = new AbortController();
    const load = Array.from({ length: 4 }, async () => {
      while (!loadEnds.signal.aborted)
        await fetchFrom(node, 'Ringlist.xml').then(
          () => (fetched += 1),
          () => (lost += 1),
        );
    });
    for (const files of ['', 'other']) {
      const root = join(folder, 'files', files);
      execFileSync('mkdir', ['-p', root]);
      writeFileSync(join(root, 'Ringlist.xml'), ringList);
      writeFileSync(config, `files: { root: ${root} }\ntftp: { blksizeMax: 512 }\n`);
      expect(await reload(data)).toMatchObject({ status: 0 });
    }
    writeFileSync(config, 'tftp: { allow: [everyone] }\n');
    expect(await reload(data)).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/tftp-pki\.yaml:1:\d+: tftp\.allow.* must be a network/),
    });
    loadEnds.abort();
    await Promise.all(load);
    expect({ lost, some: fetched > 20 }).toEqual({ lost: 0, some: true });
    expect((await fetchFrom(node, 'Ringlist.xml')).length).toBe(ringList.length);
    // A network that is not allowed gets no answer from now on.
    const elsewhere = '{ allow: [10.0.0.0/8] }';
    writeFileSync(config, `files: { root: ${files} }\ntftp: ${elsewhere}\nhttp: ${elsewhere}\n`);
    expect(await reload(data)).toMatchObject({ status: 0 });
    await expect(fetch(`http://127.0.0.1:${node.port('http')}/Ringlist.xml`)).rejects.toThrow();
    await expect(
      fetchTftp({
        host: '127.0.0.1',
        port: node.port('tftp'),
        name: 'Ringlist.xml',
        signal: AbortSignal.timeout(1_500),
      }),
    ).rejects.toThrow();
    expect(await node.stop()).toBe(0);
  });

  it('without a server on the folder is status 4', async () => {
    expect(await reload(newNode('idle'))).toMatchObject({
      status: 4,
      stderr: expect.stringContaining('no server runs'),
    });
  });
});

function reload(data: string) {
  return runToEnd(['reload', '--data', data]);
}

/** Not execFileSync: the load of this process goes on meanwhile. */
async function runToEnd(args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [programPath, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  return { status: child.exitCode, stderr };
}

/** A port of the privileged range that nobody has. */
async function freeLowPort(): Promise<readonly number[]> {
  for (let port = 900; port < 1_000; port++) {
    try {
      const bound = openSockets([{ service: 'tftp', address: '127.0.0.1', port }]);
      if (!bound.ok) break;
      closeSockets(bound.value);
      return [port];
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('taken')) throw error;
    }
  }
  throw new Error('no free port below 1000');
}

/** A zombie that nobody reaps yet has ended. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Issue 10's "a change on one is served by all" and "a 1,000-device change": three nodes with 100,000 devices on a real
 * PostgreSQL. One device is changed at a time, and one CSV of 1,000 new ones comes in; the clock stops when each node
 * gives the new content, by TFTP.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { Failure } from '../../src/base/errors.ts';
import type { Device } from '../../src/core/cluster/model.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { importDevices } from '../../src/node/import-devices.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { percentile } from '../../src/sim/fleet.ts';
import { csv } from './devices.ts';
import { type Finding, withServers } from './findings.ts';
import { main, productNode, type Place } from './servers.ts';
import { stormName, workspace } from './workspace.ts';

const imported = 1_000;
const changes = 50;
const fetchesAtOnce = 8;

/** `data` is the folder of the first node; the cluster has `count` devices. */
export async function nodeChangeRows(url: string, data: string, count: number): Promise<readonly Finding[]> {
  const folders = [data, ...joinTwo(url, data)];
  const starts = folders.map((folder, at) => productNode(folder, stormName(0), at));
  return withServers(starts, async (servers) => {
    const admin = await openNode({ dataDir: data, passphraseFile: undefined });
    try {
      // Each node has given and signed something before anything is measured.
      for (const server of servers) await fetched(server, `${stormName(0)}.sgn`);
      const cpuMs = (): number => servers.reduce((sum, server) => sum + server.cpuMs(), 0);
      const cpuBeforeMs = cpuMs();
      const delays = await changeOneByOne(admin, servers);
      const cpuOfOneMs = (cpuMs() - cpuBeforeMs) / delays.length;
      const { importMs, appliedMs, allMs } = await importOnce(admin, servers, count);
      const residentMib = Math.max(...servers.map((server) => server.residentMib()));
      const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => percentile(delays, share));
      const number = count.toLocaleString('en-US');
      return [
        row(
          `among ${number} devices on PostgreSQL, a change is served by each of 3 nodes, signed (${delays.length} times)`,
          `${p50.toFixed(0)} ms median, ${p99.toFixed(0)} ms p99, ${cpuOfOneMs.toFixed(0)} ms CPU of a node each`,
          'p99 < 1 s',
          p99 < 1_000,
        ),
        row(
          `import of ${imported} devices beside them (${seconds(importMs)}): the last is served by each of 3 nodes after it`,
          `${seconds(appliedMs)}; each of them fetched from each by ${seconds(allMs)}`,
          '< 3 s',
          appliedMs < 3_000,
        ),
        row(`${number} devices: the database, and the copy in each folder`, await sizes(url, data)),
        row(
          `resident memory of a node among ${number} devices, its edge with it`,
          `${residentMib.toFixed(0)} MiB`,
        ),
      ];
    } finally {
      await admin.close();
    }
  });
}

/** Milliseconds from before the transaction until a node gives the new content; one for each change and node. */
async function changeOneByOne(admin: OpenNode, servers: readonly Place[]): Promise<readonly number[]> {
  const delays: number[] = [];
  for (let at = 0; at < changes; at++) {
    const name = deviceName(at);
    const device = await admin.store.findDevice(name);
    if (device === undefined) throw new Error(`${name} was not imported`);
    const extension = `47${String(at).padStart(4, '0')}`;
    const lines: Device['lines'] = [{ index: 1, extension }];
    const startMs = performance.now();
    await admin.store.changeDevice({ ...device, lines }, Date.now());
    const waits = servers.map(async (server) => {
      await until(async () => (await fetched(server, `${name}.cnf.xml.sgn`))?.includes(extension) === true);
      delays.push(performance.now() - startMs);
    });
    await Promise.all(waits);
  }
  return delays;
}

async function importOnce(admin: OpenNode, servers: readonly Place[], count: number) {
  const names = Array.from({ length: imported }, (_, at) => stormName(count + at));
  const startMs = performance.now();
  await importDevices(admin, {
    path: csv('more.csv', count, count + imported),
    model: '',
    pool: undefined,
    onLine({ outcome, reason }) {
      if (outcome !== 'added') throw new Error(`${outcome}: ${reason}`);
    },
    onTotal: () => undefined,
    stopped: () => false,
  });
  const committedMs = performance.now();
  const isServed = async (server: Place): Promise<void> =>
    until(async () => (await fetched(server, names.at(-1) ?? '')) !== undefined);
  await Promise.all(servers.map(isServed));
  const appliedMs = performance.now() - committedMs;
  const left = servers.flatMap((server) => names.map((name) => ({ server, name }))).values();
  const work = async (): Promise<void> => {
    for (const { server, name } of left)
      if ((await fetched(server, name)) === undefined) throw new Error(`${name} is not served`);
  };
  await Promise.all(Array.from({ length: fetchesAtOnce }, work));
  return { importMs: committedMs - startMs, appliedMs, allMs: performance.now() - committedMs };
}

async function sizes(url: string, data: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const text = 'select pg_database_size(current_database())::float8 as bytes';
  const { rows } = await client.query<{ bytes: number }>(text);
  await client.end();
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  return `${megabytes(rows[0]?.bytes ?? 0)}, ${megabytes(statSync(join(data, 'snapshot.sqlite')).size)}`;
}

function joinTwo(url: string, data: string): readonly string[] {
  const [p12, pass] = [join(workspace, 'recovery.p12'), join(workspace, 'recovery.pass')];
  rmSync(p12, { force: true });
  writeFileSync(pass, 'opens the export\n');
  run(['export-recovery', p12, '--export-passphrase-file', pass, '--data', data]);
  return ['b', 'c'].map((name) => {
    const folder = `${data}-${name}`;
    rmSync(folder, { recursive: true, force: true });
    const words = ['join-node', '--node', `${name}.example`, '--database', url, '--key', p12];
    run([...words, '--key-passphrase-file', pass, '--yes', '--data', folder]);
    return folder;
  });
}

function run(words: readonly string[]): void {
  execFileSync(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Undefined where it is not found. */
async function fetched({ host, port }: Place, name: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await fetchTftp({ host, port, name, sizeBytesMax: 1_000_000 }));
  } catch (error) {
    if (error instanceof Failure && error.code === 'not-found') return undefined;
    throw error;
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('a change is not served');
    await delay(5);
  }
}

const patienceMs = 60_000;

function deviceName(at: number): string {
  return stormName(at).slice(0, -'.cnf.xml'.length);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function row(what: string, ours: string, goal = '', met = true): Finding {
  return { target: '10', what, ours, against: '', ratio: undefined, goal, met };
}

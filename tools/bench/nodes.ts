/**
 * Issue 10's "100,000 devices": a node on a real PostgreSQL, first started without a copy of the database, then with
 * one; and how long after 1,000 changes of another process the last of them is served. The database has fsync off:
 * what is measured is the node.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Device } from '../../src/core/cluster/model.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { openStore } from '../../src/store/open-store.ts';
import { startPostgres } from '../../test/helpers/postgres.ts';
import { csv, importSync } from './devices.ts';
import { type Effort, type Finding, required, withServers } from './findings.ts';
import { main, productNode } from './servers.ts';
import { filesFolder, stormName, workspace } from './workspace.ts';

const devices = 100_000;
const changed = 1_000;

export async function nodeRows({ scale }: Effort): Promise<readonly Finding[]> {
  const count = Math.max(2 * changed, Math.round(devices * scale));
  const postgres = startPostgres();
  try {
    const url = await postgres.newDatabase();
    const data = makeNode(url);
    const importMs = await timed(() => Promise.resolve(importSync(data, csv('nodes.csv', 0, count))));
    const start = async (): Promise<{ readonly ms: number; readonly cpuMs: number }> => {
      const startMs = performance.now();
      return withServers([productNode(data, stormName(0))], ([server]) =>
        Promise.resolve({ ms: performance.now() - startMs, cpuMs: required(server).cpuMs() }),
      );
    };
    const [first, again] = [await start(), await start()];
    const appliedMs = await withServers([productNode(data, stormName(0))], async ([server]) => {
      const { host, port } = required(server);
      return applied(url, host, port, count);
    });
    const number = count.toLocaleString('en-US');
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
    // Processor time tells on a busy machine what the node itself needs.
    const started = ({ ms, cpuMs }: { ms: number; cpuMs: number }): string =>
      `${seconds(ms)}, ${seconds(cpuMs)} CPU`;
    const row = (what: string, ours: string, goal = '', met = true): Finding => ({
      target: '10',
      what,
      ours,
      against: '',
      ratio: undefined,
      goal,
      met,
    });
    return [
      row(`${number} devices imported into PostgreSQL`, seconds(importMs)),
      row(
        `${number} devices on PostgreSQL: first start, to the first file served`,
        started(first),
        '< 5 s',
        first.ms < 5_000,
      ),
      row(
        `${number} devices on PostgreSQL: start with a copy, to the first file served`,
        started(again),
        '< 5 s',
        again.ms < 5_000,
      ),
      row(
        `${changed} changes of another process: the last is served after`,
        seconds(appliedMs),
        '< 3 s',
        appliedMs < 3_000,
      ),
    ];
  } finally {
    postgres.stop();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Each change is a transaction and a notification of its own; from the last commit on. */
async function applied(url: string, host: string, port: number, count: number): Promise<number> {
  const { fetchTftp } = await import('../../src/net/tftp-client.ts');
  const store = await openStore({ url, crypto: createVerifier() });
  const names = Array.from({ length: changed }, (_, at) =>
    stormName(count - 1 - at).slice(0, -'.cnf.xml'.length),
  );
  for (const name of names) {
    const device = await store.findDevice(name);
    if (device === undefined) throw new Error(`${name} was not imported`);
    const lines: Device['lines'] = [{ index: 1, extension: '4711' }];
    await store.changeDevice({ ...device, lines }, Date.now());
  }
  const committedMs = performance.now();
  await store.close();
  const last = `${names.at(-1) ?? ''}.cnf.xml`;
  for (;;) {
    const bytes = await fetchTftp({ host, port, name: last, sizeBytesMax: 1_000_000 });
    if (Buffer.from(bytes).includes('4711')) return performance.now() - committedMs;
    await delay(5);
  }
}

function makeNode(url: string): string {
  const [files, data] = [join(workspace, 'device-files'), join(workspace, 'postgres-node')];
  rmSync(data, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  copyFileSync(join(filesFolder, 'small'), join(files, 'small'));
  const words = ['init', '--cluster', 'bench', '--node', 'bench.example', '--database', url];
  execFileSync(process.execPath, [main, ...words, '--files', files, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return data;
}

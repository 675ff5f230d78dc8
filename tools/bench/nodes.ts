/**
 * Issue 10's "100,000 devices": a node on a real PostgreSQL, first started without a copy of the database, then with
 * one; then what a change takes to three nodes (node-changes.ts). The database has fsync off: what is measured is the node.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../../test/helpers/postgres.ts';
import { csv, importSync } from './devices.ts';
import { type Effort, type Finding, required, withServers } from './findings.ts';
import { nodeChangeRows } from './node-changes.ts';
import { nodeTimestampRows } from './node-timestamps.ts';
import { main, productNode } from './servers.ts';
import { filesFolder, stormName, workspace } from './workspace.ts';

const devices = 100_000;
const few = 1_000;

export async function nodeRows(effort: Effort): Promise<readonly Finding[]> {
  const { scale } = effort;
  const count = Math.max(2 * few, Math.round(devices * scale));
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
    const changeRows = await nodeChangeRows(url, data, count);
    const timestampRows = await nodeTimestampRows(effort);
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
      ...changeRows,
      ...timestampRows,
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

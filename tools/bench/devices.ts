/**
 * Target 7, and issue 5's "while 100,000 devices import, p99 of local TFTP files is unchanged": a node whose devices
 * come from one CSV, its server watched while they come in, and started anew with all of them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Effort, type Finding, required, withServers } from './findings.ts';
import { tftpLoad, type TftpResult } from './load.ts';
import { medianOf } from './rounds.ts';
import { loadCore, main, productNode, serverCore, type Server } from './servers.ts';
import { filesFolder, stormName, stormPattern, workspace } from './workspace.ts';

const devices = 100_000;
const few = 1_000;
const built = stormName(0);

export async function deviceRows({ scale }: Effort): Promise<readonly Finding[]> {
  const count = Math.max(2 * few, Math.round(devices * scale));
  const data = makeNode();
  importSync(data, csv('few.csv', 0, few));
  const all = csv('all.csv', few, count);
  const fewStartMs = performance.now();
  const grown = await withServers([productNode(data, built)], async ([server]) => {
    const node = required(server);
    const start = { ms: performance.now() - fewStartMs, cpuMs: node.cpuMs() };
    const lookupOfFew = await lookUp(node, few);
    const quiet = await localFiles(node, 3);
    const startedMs = performance.now();
    const importing = startImport(data, all);
    const busy: TftpResult[] = [];
    while (importing.exitCode === null) busy.push(...(await localFiles(node, 1)));
    return { start, lookupOfFew, quiet, busy, seconds: (performance.now() - startedMs) / 1000 };
  });
  const startMs = performance.now();
  return withServers([productNode(data, built)], async ([server]) => {
    const firstServedMs = performance.now() - startMs;
    const node = required(server);
    // Processor time tells on a busy machine whether more devices cost anything.
    const seconds = (ms: number, cpuMs: number): string =>
      `${(ms / 1000).toFixed(2)} s, ${(cpuMs / 1000).toFixed(2)} s CPU`;
    const startCpuMs = node.cpuMs();
    const lookupOfAll = await lookUp(node, count);
    const p99 = (results: readonly TftpResult[]): number => medianOf(results.map(({ p99Ms }) => p99Ms));
    const failed = grown.busy.reduce((sum, result) => sum + result.failed, 0);
    const perSecond = Math.round((count - few) / grown.seconds);
    const number = count.toLocaleString('en-US');
    return [
      row(`${number} devices: import beside a serving node`, `${perSecond} devices/s`, '', undefined, ''),
      row(
        `local files while they import, p99 (${failed} failed)`,
        `${p99(grown.busy).toFixed(2)} ms`,
        `quiet ${p99(grown.quiet).toFixed(2)} ms`,
        p99(grown.busy) / p99(grown.quiet),
        '0 failed, ≤ 1.5 ×',
        failed === 0 && p99(grown.busy) <= 1.5 * p99(grown.quiet),
      ),
      row(
        `${number} devices: start-up to the first file served`,
        seconds(firstServedMs, startCpuMs),
        `with ${few} ${seconds(grown.start.ms, grown.start.cpuMs)}`,
        firstServedMs / grown.start.ms,
        '< 2 s',
        firstServedMs < 2000,
      ),
      row(
        `one device built for the first time, median, among ${number}`,
        `${lookupOfAll.toFixed(2)} ms`,
        `among ${few} ${grown.lookupOfFew.toFixed(2)} ms`,
        lookupOfAll / grown.lookupOfFew,
        '≤ 1.5 ×',
        lookupOfAll <= 1.5 * grown.lookupOfFew,
      ),
      row(
        `${number} devices: resident memory after ${few * 2} look-ups`,
        `${node.residentMib().toFixed(0)} MiB`,
        '',
        undefined,
        '≤ 512 MiB',
        node.residentMib() <= 512,
      ),
    ];
  });
}

/** Median of a transfer of a device that was not asked for before; never the first one after the start. */
async function lookUp(node: Server, range: number): Promise<number> {
  const load = { files: [stormPattern], clients: 1 };
  await tftpLoad(node, { ...load, transfers: few / 2, range: few / 2 });
  // The generator counts upwards through the range, so other devices come behind those.
  return (await tftpLoad(node, { ...load, transfers: Math.min(range, few * 2), range })).medianMs;
}

async function localFiles(node: Server, times: number): Promise<readonly TftpResult[]> {
  const results: TftpResult[] = [];
  for (let i = 0; i < times; i++)
    results.push(await tftpLoad(node, { files: ['small'], clients: 4, transfers: 5_000, secondsMax: 5 }));
  return results;
}

function makeNode(): string {
  const [files, data] = [join(workspace, 'device-files'), join(workspace, 'device-node')];
  rmSync(data, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  copyFileSync(join(filesFolder, 'small'), join(files, 'small'));
  execFileSync(process.execPath, [main, 'init', '--cluster', 'bench', '--files', files, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return data;
}

export function csv(name: string, from: number, to: number): string {
  const path = join(workspace, name);
  const lines = ['name,model,protocol,line1,label1,set:vendorConfig/webAccess'];
  for (let i = from; i < to; i++)
    lines.push(`${stormName(i).slice(0, -'.cnf.xml'.length)},CP-8851,SIP,${100_000 + i},Desk ${i},${i % 2}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

export function importSync(data: string, path: string): void {
  execFileSync(process.execPath, [main, 'import-devices', path, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 1 << 26,
  });
}

/** On either core, as a person's would be; the product gives way by its own priority. */
function startImport(data: string, path: string): ChildProcess {
  const words = ['-c', `${serverCore},${loadCore}`, process.execPath, main, 'import-devices', path];
  const child = spawn('taskset', [...words, '--data', data], { stdio: ['ignore', 'ignore', 'inherit'] });
  void once(child, 'exit');
  return child;
}

function row(
  what: string,
  ours: string,
  against: string,
  ratio: number | undefined,
  goal: string,
  met = true,
): Finding {
  return { target: '7', what, ours, against, ratio, goal, met };
}

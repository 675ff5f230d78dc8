/**
 * What a boot storm asks of the database that nodes share: 10,000 files that were never signed need a timestamp each, on
 * its disk before a signature leaves (`fsync` on, as it is in service); and the same files once more, from the copy.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../src/core/ports.ts';
import { filesBook } from '../../src/core/signing/sign-file.ts';
import { openServingNode } from '../../src/node/open-node.ts';
import { startPostgres } from '../../test/helpers/postgres.ts';
import type { Effort, Finding } from './findings.ts';
import { main } from './servers.ts';
import { stormName, workspace } from './workspace.ts';

const files = 10_000;
/** Phones of a storm that wait for their first signature at once. */
const atOnce = 1_000;

export async function nodeTimestampRows({ scale }: Effort): Promise<readonly Finding[]> {
  const count = Math.round(files * scale);
  const postgres = startPostgres({ durable: true });
  try {
    const data = join(workspace, 'durable-node');
    rmSync(data, { recursive: true, force: true });
    const words = ['init', '--cluster', 'bench', '--database', await postgres.newDatabase(), '--data', data];
    execFileSync(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    const node = await openServingNode({ dataDir: data, passphraseFile: undefined });
    try {
      const [first, again] = [await signAll(node.store, count), await signAll(node.store, count)];
      const number = count.toLocaleString('en-US');
      return [
        row(`timestamps of ${number} files signed for the first time, PostgreSQL with fsync`, first),
        row(`timestamps of the same ${number} files once more`, again),
      ];
    } finally {
      await node.close();
    }
  } finally {
    postgres.stop();
  }
}

interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

async function signAll(store: Pick<Store, 'signedTimestamp'>, count: number): Promise<Took> {
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  const names = Array.from({ length: count }, (_, at) => `${stormName(at)}.sgn`).values();
  const line = async (): Promise<void> => {
    for (const name of names) await store.signedTimestamp(name, filesBook, 'the same content', 1);
  };
  await Promise.all(Array.from({ length: atOnce }, line));
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}

function row(what: string, { ms, cpuMs }: Took): Finding {
  const seconds = (value: number): string => (value / 1000).toFixed(2);
  const ours = `${seconds(ms)} s, ${seconds(cpuMs)} s CPU`;
  return { target: '10', what, ours, against: '', ratio: undefined, goal: '', met: true };
}

/** "A cluster in five commands" of the README, typed as it stands but for the ports and the folder. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePorts, repository, untilServing } from './quickstart-server.ts';

const run = promisify(execFile);

it('a cluster in five commands', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tftp-pki-readme-'));
  const ports = await freePorts();
  const readme = await readFile(join(repository, 'README.md'), 'utf8');
  const block = /## A cluster in five commands\n```sh\n([\s\S]*?)\n```/.exec(readme)?.[1] ?? '';
  const commands = block
    .replaceAll('var/', `${folder}/`)
    .replaceAll('6969', String(ports.tftp))
    .replaceAll('6970', String(ports.http))
    .split('\n');
  expect(commands).toHaveLength(5);

  const stops: (() => Promise<unknown>)[] = [];
  try {
    for (const command of commands) {
      if (!command.endsWith(' &')) {
        await run('sh', ['-c', command], { cwd: repository });
        continue;
      }
      // A shell's job is a process group of its own.
      const job = spawn('sh', ['-c', `exec ${command.slice(0, -2)}`], {
        cwd: repository,
        detached: true,
        stdio: 'ignore',
      });
      const ended = once(job, 'exit');
      stops.push(() => (process.kill(-(job.pid ?? 0), 'SIGINT'), ended));
      await untilServing(ports.http, () => job.exitCode !== null);
    }
  } finally {
    for (const stop of stops) await stop();
    await rm(folder, { recursive: true });
  }
}, 120_000);

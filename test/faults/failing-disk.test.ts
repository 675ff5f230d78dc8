/**
 * A disk that is full, and one that fails: the command says so and exits 5, the old generation stays whole, and a
 * server that runs goes on serving it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { programPath } from '../cli/testscript.ts';
import { serveProgram } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';
import { examine, isLater } from './examined-folder.ts';
import { runTraced, type FolderCall } from './traced-command.ts';

/** The program runs while this process waits: a connection that is kept would be found closed. */
const unkept = { headers: { connection: 'close' } };

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-disk-'));
const at = (name: string): string => join(world, name);

const given = (file: string): string => join(import.meta.dirname, '../vectors/open-tool', file);
const init = ['init', '--cluster', 'lab', '--node', 'n.example', '--files', at('files')] as const;
const signers = ['--sast', given('itlrecovery.pem'), '--callmanager', given('callmanager.pem')];
const adopt = ['adopt', ...signers, '--itl', given('ITL-sha1.tlv'), '--ctl', given('CTL-sha1.tlv')] as const;

beforeAll(async () => {
  mkdirSync(at('files'));
  mkdirSync(at('tmpfs'));
  for (const name of ['Ringlist.xml', 'AppDialRules.xml']) writeFileSync(at(`files/${name}`), '<list/>\n');
  expect(await runProgram([...init, '--data', at('base')], fakeTerminal())).toBe(0);
}, 60_000);
afterAll(() => rmSync(world, { recursive: true }));

describe('a full disk', { timeout: 120_000 }, () => {
  test('exit 5, the server goes on with the old lists; with room again the command does it', async () => {
    const room = await mountSmall(at('tmpfs'));
    try {
      room.run('cp', '-a', at('base'), at('tmpfs/data'));
      const server = await serveProgram(
        ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', at('tmpfs/data')],
        { wrap: room.inside },
      );
      const get = async (name: string): Promise<string> => {
        const answer = await fetch(`http://127.0.0.1:${server.port('http')}/${name}`, unkept);
        return `${answer.status} ${Buffer.from(await answer.arrayBuffer()).toString('hex')}`;
      };
      try {
        const names = ['ITLFile.tlv', 'CTLFile.tlv', 'Ringlist.xml', 'Ringlist.xml.sgn'];
        const before = await Promise.all(names.map(get));
        expect(before.every((answer) => answer.startsWith('200 '))).toBe(true);
        expect(room.run('dd', 'if=/dev/zero', `of=${at('tmpfs/filler')}`, 'bs=4k')).toContain(
          'No space left',
        );
        // What cannot be written down is not signed (the audit and the timestamps are of one database) …
        expect(await get('AppDialRules.xml.sgn')).toMatch(/^503 /);
        // … and what needs no signature, or has one, is served.
        expect(await get('AppDialRules.xml')).toMatch(/^200 /);
        for (const words of [
          ['update-itl'],
          ['update-ctl'],
          ['set-mode', 'nonsecure'],
          ['renew-cert', 'callmanager'],
        ]) {
          const { status, stderr } = room.program(...words, '--yes', '--data', at('tmpfs/data'));
          expect([words, status, stderr]).toEqual([words, 5, expect.stringContaining('Make room')]);
          expect(await Promise.all(names.map(get))).toEqual(before);
        }
        for (const [name, ...words] of [init, adopt]) {
          const { status, stderr } = room.program(name, ...words, '--data', at(`tmpfs/${name}`));
          expect([name, status, stderr]).toEqual([name, 5, expect.stringContaining('tftp-pki: error: ')]);
          expect(await Promise.all(names.map(get))).toEqual(before);
        }
        room.run('rm', at('tmpfs/filler'));
        // What they had begun is finished by the same call.
        for (const [name, ...words] of [init, adopt])
          expect([name, room.program(name, ...words, '--data', at(`tmpfs/${name}`)).status]).toEqual([
            name,
            0,
          ]);
        const { status } = room.program('update-itl', '--yes', '--data', at('tmpfs/data'));
        expect(status).toBe(0);
        await expect.poll(() => get('ITLFile.tlv'), { timeout: 10_000 }).not.toBe(before[0]);
        await expect.poll(() => get('AppDialRules.xml.sgn'), { timeout: 10_000 }).toMatch(/^200 /);
      } finally {
        await server.stop();
      }
    } finally {
      await room.end();
    }
  });
});

describe('a disk that fails', { timeout: 120_000 }, () => {
  const commands = [['update-itl --yes'], ['renew-cert callmanager --yes']];
  // The commit's own write and sync, and the steps that make a key file last.
  const steps = [
    'pwrite64 /database.sqlite-wal',
    'fsync /database.sqlite-wal',
    'fsync /keys/.KEY.pem.unfinished',
    'rename /keys/.KEY.pem.unfinished',
    'fsync /keys',
  ];

  test.each(commands)('EIO in %s: exit 5 and the old generation', async (line) => {
    const words = line.split(' ');
    const before = await examine(at('base'));
    const whole = copy('whole');
    const { calls } = await runTraced(whole, [...words, '--data', whole]);
    const after = await examine(whole);
    const last = before?.facts.generation ?? 0;
    const tried: string[] = [];
    for (const step of steps) {
      const point = pointOf(calls, step);
      if (point === undefined) continue;
      const folder = copy('failed');
      const run = await runTraced(folder, [...words, '--data', folder], {
        at: point,
        inject: 'error=EIO',
        fromThereOn: true,
      });
      const found = await examine(folder);
      expect([step, run.status, found?.faults, found?.facts]).toEqual([step, 5, [], before?.facts]);
      expect(run.stderr, step).toMatch(/^tftp-pki: error: /m);
      expect(await runProgram([...words, '--data', folder], fakeTerminal()), step).toBe(0);
      expect(isLater((await examine(folder))?.facts, after?.facts, last), step).toBe(true);
      tried.push(step);
    }
    expect(tried).toEqual(words[0] === 'renew-cert' ? steps : steps.slice(0, 2));
  });

  test('beside a server: every sync fails, the command exits 5 and the server goes on with what it has', async () => {
    const folder = copy('served');
    const places = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const server = await serveProgram([...places, '--data', folder]);
    const names = ['ITLFile.tlv', 'CTLFile.tlv', 'Ringlist.xml.sgn'];
    const get = async (name: string): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${server.port('http')}/${name}`, unkept);
      return `${answer.status} ${Buffer.from(await answer.arrayBuffer()).toString('hex')}`;
    };
    try {
      const before = await Promise.all(names.map(get));
      expect(before.every((answer) => answer.startsWith('200 '))).toBe(true);
      for (const line of ['update-itl', 'update-ctl', 'set-mode nonsecure', 'renew-cert callmanager']) {
        const run = await runTraced(folder, [...line.split(' '), '--yes', '--data', folder], {
          at: { call: 'fsync', nth: 1 },
          inject: 'error=EIO',
          fromThereOn: true,
        });
        expect([line, run.status, run.stderr]).toEqual([
          line,
          5,
          expect.stringMatching(/^tftp-pki: error: /m),
        ]);
        expect(await Promise.all(names.map(get)), line).toEqual(before);
      }
    } finally {
      await server.stop();
    }
    const found = await examine(folder);
    expect([found?.faults, found?.facts]).toEqual([[], (await examine(at('base')))?.facts]);
  });

  /** The last of its kind, but the sync after the last write of the journal: later ones are tidying up. */
  function pointOf(calls: readonly FolderCall[], step: string): FolderCall | undefined {
    const last = calls.findLastIndex((each) => stepOf(each) === step);
    const committed = calls.findLastIndex((each) => stepOf(each) === steps[0]);
    const sync = calls.findIndex((each, index) => index > committed && stepOf(each) === step);
    return calls[step === steps[1] ? sync : last];
  }

  const stepOf = ({ call, path }: FolderCall): string => `${call} ${path}`;

  function copy(name: string): string {
    rmSync(at(name), { recursive: true, force: true });
    cpSync(at('base'), at(name), { recursive: true });
    return at(name);
  }
});

interface SmallDisk {
  /** What comes before a command that shall see it. */
  readonly inside: readonly string[];
  /** stdout and stderr. */
  run(...words: readonly string[]): string;
  program(...words: readonly string[]): { readonly status: number | null; readonly stderr: string };
  end(): Promise<void>;
}

/** A file system of 4 MB on `folder`, in a mount namespace that goes away with the process that holds it. */
async function mountSmall(folder: string): Promise<SmallDisk> {
  const script = `mount -t tmpfs -o size=4m none '${folder}' && echo mounted && exec sleep infinity`;
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const holder: ChildProcess = spawn('unshare', ['--mount', ...user, 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: unknown[] = holder.stdout === null ? [] : await once(holder.stdout, 'data');
  expect(String(said[0])).toBe('mounted\n');
  const inside = [
    'nsenter',
    '--target',
    String(holder.pid),
    '--mount',
    ...(user.length > 0 ? ['--user'] : []),
    '--',
  ];
  const [first = '', ...rest] = inside;
  return {
    inside,
    run: (...words) => {
      const { stdout, stderr } = spawnSync(first, [...rest, ...words], { encoding: 'utf8' });
      return stdout + stderr;
    },
    program: (...words) =>
      spawnSync(first, [...rest, process.execPath, programPath, ...words], { encoding: 'utf8' }),
    async end() {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    },
  };
}

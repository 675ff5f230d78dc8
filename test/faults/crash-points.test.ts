/**
 * Killed at every system call that changes the data folder: nothing torn, no key lost, and the same command again ends
 * well. A phone with the lists from before takes what is served after, whether the change came or not.
 * A few points of each command run always; TFTP_PKI_CRASH_POINTS=all runs every one.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import { serveProgram } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';
import { bootFrom, examine, isLater, type FolderFacts } from './examined-folder.ts';
import { changes, runTraced, type FolderCall } from './traced-command.ts';

const all = process.env['TFTP_PKI_CRASH_POINTS'] === 'all';
const pointsInSample = 2;
const atOnce = 2;
const phone = 'SEP001122330001';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-crash-'));
const at = (name: string): string => join(world, name);
const given = (file: string): string => join(import.meta.dirname, '../vectors/open-tool', file);

const init = ['init', '--cluster', 'lab', '--node', 'n.example', '--files', at('files')];
const signers = ['--sast', given('itlrecovery.pem'), '--callmanager', given('callmanager.pem')];
const lists = ['--itl', given('ITL-sha1.tlv'), '--ctl', given('CTL-sha1.tlv')];
const adopt = ['adopt', ...signers, ...lists, '--files', at('files')];

interface Victim {
  readonly name: string;
  /** How many it makes. */
  readonly keys: number;
  readonly words: readonly string[];
  /** Commands that make the folder it begins with; none: no folder. */
  readonly before: readonly (readonly string[])[];
  /** The phone that must not be stranded. */
  readonly holding?: Partial<PhoneState>;
}

const nonsecure = [...init, '--mode', 'nonsecure'];
const adopted = { itl: hexOf('ITL-sha1.tlv'), ctl: hexOf('CTL-sha1.tlv') };
const begin = ['renew-cert', 'callmanager', '--yes'];
const victims: readonly Victim[] = [
  { name: 'init', words: init, before: [], keys: 5 },
  { name: 'adopt', words: adopt, before: [], keys: 5, holding: adopted },
  { name: 'update-itl', words: ['update-itl', '--yes'], before: [init], keys: 0 },
  { name: 'update-ctl', words: ['update-ctl', '--yes'], before: [init], keys: 0 },
  { name: 'set-mode', words: ['set-mode', 'mixed', '--yes'], before: [nonsecure], keys: 0 },
  { name: 'set-hash', words: ['set-hash', 'sha512', '--yes'], before: [init], keys: 0 },
  { name: 'rename-node', words: ['rename-node', 'n.example', 'm.example', '--yes'], before: [init], keys: 0 },
  { name: 'renew-cert', words: begin, before: [init], keys: 1 },
  { name: 'renew-cert --switch', words: [...begin, '--switch'], before: [init, begin], keys: 0 },
];

function hexOf(file: string): string {
  return readFileSync(given(file)).toString('hex');
}

beforeAll(() => {
  mkdirSync(at('files'));
  for (const name of ['Ringlist.xml', 'AppDialRules.xml']) writeFileSync(at(`files/${name}`), '<list/>\n');
  writeFileSync(at(`files/${phone}.cnf.xml`), '<device/>\n');
});
afterAll(() => rmSync(world, { recursive: true }));

/** Whether the program itself was started on what a killed one left. */
let isRestarted = false;

/** Folders that commands made, by the commands: several begin with the same one. */
const bases = new Map<string, string>();

async function baseAfter(before: Victim['before']): Promise<string> {
  const last = before.at(-1);
  if (last === undefined) return '';
  const key = JSON.stringify(before);
  const known = bases.get(key);
  if (known !== undefined) return known;
  const made = at(`base ${bases.size}`);
  bases.set(key, made);
  if (before.length > 1) cpSync(await baseAfter(before.slice(0, -1)), made, { recursive: true });
  await run(last, made);
  return made;
}

async function run(words: readonly string[], dataDir: string): Promise<void> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', dataDir], terminal);
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
}

describe.each(victims)('$name', ({ name, words, before, keys, holding }) => {
  /** The folder it begins with; none where `before` is empty. */
  let base: string;
  let points: readonly FolderCall[];
  let calls: readonly FolderCall[];
  let facts: { readonly before: FolderFacts | undefined; readonly after: FolderFacts | undefined };
  let phoneBefore: PhoneState;
  let startsMs: number[];

  beforeAll(async () => {
    startsMs = [];
    if (all) isRestarted = false;
    base = await baseAfter(before);
    const untouched = before.length === 0 ? undefined : await examine(base);
    const newOne = { ...newPhone(phone), ...holding };
    phoneBefore = before.length === 0 ? newOne : (await bootFrom(base, newOne)).state;
    const folder = copyOfBase('traced');
    const whole = await runTraced(folder, [...words, '--data', folder]);
    expect(`${whole.status} ${whole.stderr}`).toMatch(/^0 /);
    calls = whole.calls;
    points = calls.filter(changes);
    facts = { before: untouched?.facts, after: (await examine(folder))?.facts };
  }, 120_000);

  function copyOfBase(suffix: string): string {
    const folder = at(`${name.replaceAll(' ', '-')}.${suffix}`);
    if (before.length > 0) cpSync(base, folder, { recursive: true });
    return folder;
  }

  test('keys are on the disk before the database names them, and the database before it is said', () => {
    const order = calls.map(({ call, path }) => `${call} ${path}`);
    const key = ['openat', 'fchmod', 'pwrite64', 'fsync', 'rename'].map(
      (call) => `${call} /keys/.KEY.pem.unfinished`,
    );
    const first = order.indexOf(key[0] ?? '');
    const last = order.lastIndexOf('fsync /keys');
    // One after the other, each durable with its name, and no row between them.
    const expected = Array.from({ length: keys }, () => [...key, 'fsync /keys']).flat();
    expect(keys === 0 ? [] : order.slice(first, last + 1)).toEqual(expected);
    const written = order.lastIndexOf('pwrite64 /database.sqlite-wal');
    expect(written).toBeGreaterThan(last);
    expect(order.slice(written)).toContain('fsync /database.sqlite-wal');
  });

  test(
    all ? 'killed at every change' : 'killed at some of its changes',
    { timeout: all ? 3_600_000 : 240_000 },
    async () => {
      const chosen = all ? points : spread(points, pointsInSample);
      const queue = [...chosen];
      const missed: string[] = [];
      const worker = async (): Promise<void> => {
        for (let point = queue.shift(); point !== undefined; point = queue.shift())
          if (!(await killAt(point))) missed.push(`${point.call} ${point.nth} of ${point.path}`);
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      const startMs = Math.round(Math.max(...startsMs));
      console.log(
        `${name}: ${calls.length} calls about the folder, ${points.length} change it, killed at ` +
          `${chosen.length - missed.length}; at most ${startMs} ms of work until it serves again`,
      );
      console.log(listed(points));
      expect(missed).toEqual([]);
      expect(startMs).toBeLessThan(2_000);
    },
  );

  /** Whether it was killed there and nowhere else; wherever it was, the folder is judged. */
  async function killAt(point: FolderCall): Promise<boolean> {
    const folder = copyOfBase(`${point.call}-${point.nth}`);
    const command = [...words, '--data', folder];
    const killed = await runTraced(folder, command, { at: point, inject: 'signal=KILL' });
    const where = `${point.call} ${point.nth} of ${point.path}`;
    if (killed.status === null) await judge(folder, where);
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.strace`);
    const isThere = isDeepStrictEqual(killed.calls, calls.slice(0, calls.indexOf(point) + 1));
    return killed.status === null && isThere;
  }

  /**
   * The program itself, once for each command (for all of them where these are samples): as it was left, or as the
   * same command finished it where it is no node.
   */
  async function restart(folder: string): Promise<void> {
    if (isRestarted) return;
    isRestarted = true;
    const fromMs = performance.now();
    const server = await serveProgram(['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', folder]);
    try {
      const answer = await fetch(`http://127.0.0.1:${server.port('http')}/ITLFile.tlv`);
      const tookMs = Math.round(performance.now() - fromMs);
      console.log(`${name}: serve answers ${tookMs} ms after its start`);
      expect([answer.status, (await answer.arrayBuffer()).byteLength > 1_000]).toEqual([200, true]);
    } finally {
      await server.stop();
    }
  }

  async function judge(folder: string, where: string): Promise<void> {
    const found = await examineIfThere(folder);
    expect(found?.faults ?? [], where).toEqual([]);
    const last = facts.before?.generation ?? 0;
    const done = isLater(found?.facts, facts.after, last);
    const isServed = found?.facts.generation !== undefined;
    // What init and adopt had begun is no node yet; anything else is the old state, whole.
    if (!done && before.length > 0) expect(found?.facts, where).toEqual(facts.before);
    if (isServed) {
      const booted = await bootFrom(folder, phoneBefore);
      startsMs.push(booted.startMs);
      expect([booted.refused, booted.ok], where).toEqual([[], true]);
      await restart(folder);
    }
    if (!done) await run(words, folder);
    await restart(folder);
    const again = await examine(folder);
    expect([again?.faults, isLater(again?.facts, facts.after, last)], where).toEqual([[], true]);
    const after = await bootFrom(folder, phoneBefore);
    expect([after.refused, after.ok], where).toEqual([[], true]);
  }
});

/** Every point by what it does, in the order in which each is first met. */
function listed(points: readonly FolderCall[]): string {
  const counts = new Map<string, number>();
  for (const { call, path } of points) {
    const what = `${call} ${path}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `  ${String(count).padStart(3)} ${what}`).join('\n');
}

/** Before the database is there, nothing is. */
async function examineIfThere(folder: string): ReturnType<typeof examine> {
  try {
    return await examine(folder);
  } catch (error) {
    expect(error).toMatchObject({ code: 'storage-unreadable' });
    return undefined;
  }
}

function spread<T>(all: readonly T[], count: number): readonly T[] {
  return Array.from(
    { length: count },
    (_, index) => all[Math.floor(((index + 0.5) * all.length) / count)],
  ).filter((each) => each !== undefined);
}

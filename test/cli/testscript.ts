/**
 * Command-line tests as text, in the manner of Go's testscript: commands one per line, then files
 * (`-- name --`) that are laid out in an empty folder before the first command runs.
 * The program is the built one, run as a person runs it.
 *
 *   exec PROGRAM WORD…        runs and wants status 0; `tftp-pki` is the program under test
 *   ! exec PROGRAM WORD…      wants a status other than 0
 *   status N                  of the last exec
 *   stdin FILE                for the next exec
 *   stdout|stderr REGEX       of the last exec (multi-line, the rest of the line is the pattern); `!` before it negates
 *   json PATH VALUE           stdout is JSON and its member (dots, numbers) equals VALUE, itself JSON
 *   cmp A B                   equal bytes; `stdout` is the last exec's
 *   cp A B · rm A · mkdir A · chmod MODE A · env NAME=VALUE · mode A 600 · exists A · ! exists A
 *   start WORD…               starts the program in the background
 *   await REGEX               waits for a line of it; named groups become variables
 *   stop                      interrupts it as Ctrl-C does and wants status 0
 *
 * `$NAME` is replaced by a variable; WORK is the folder, VECTORS test/vectors, NODE and MAIN run the
 * program from a shell. Words with blanks stand in '…'.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'vitest';
import { noteSecrets, refuseSecrets } from '../helpers/secrets.ts';

const repository = resolve(import.meta.dirname, '../..');
export const programPath = process.env['TFTP_PKI_MAIN'] ?? join(repository, 'dist/bin/main.js');

const lineWaitMs = 20_000;

interface Ran {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Script {
  readonly commands: readonly { readonly line: number; readonly text: string }[];
  readonly files: ReadonlyMap<string, string>;
}

export function parseScript(text: string): Script {
  const commands: { line: number; text: string }[] = [];
  const files = new Map<string, string>();
  let file: string | undefined;
  for (const [index, row] of text.split('\n').entries()) {
    const name = /^-- (\S+) --$/.exec(row)?.[1];
    if (name !== undefined) files.set((file = name), '');
    else if (file !== undefined) files.set(file, `${files.get(file) ?? ''}${row}\n`);
    else if (row.trim() !== '' && !row.startsWith('#')) commands.push({ line: index + 1, text: row.trim() });
  }
  // The last row of a file is the empty one behind the final line feed.
  if (file !== undefined) files.set(file, (files.get(file) ?? '').slice(0, -1));
  return { commands, files };
}

export async function runScript(script: Script): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'tftp-pki-cli-'));
  const run = new ScriptRun(work);
  try {
    for (const [name, content] of script.files) {
      await mkdir(dirname(join(work, name)), { recursive: true });
      await writeFile(join(work, name), content);
    }
    for (const { line, text } of script.commands)
      try {
        await run.command(text);
      } catch (thrown) {
        const words = thrown instanceof Error ? thrown.message : String(thrown);
        throw new Error(`line ${line}: ${text}\n${words}\n${run.describeLast()}`, { cause: thrown });
      }
  } finally {
    await run.close();
    await rm(work, { recursive: true, force: true });
  }
}

class ScriptRun {
  readonly #work: string;
  readonly #variables: Map<string, string>;
  #last: Ran | undefined;
  #stdin: string | undefined;
  #background: Background | undefined;

  constructor(work: string) {
    this.#work = work;
    this.#variables = new Map([
      ['WORK', work],
      ['VECTORS', join(repository, 'test/vectors')],
      ['NODE', process.execPath],
      ['MAIN', programPath],
    ]);
  }

  async command(text: string): Promise<void> {
    const negated = text.startsWith('! ');
    const [verb = '', ...words] = this.#words(negated ? text.slice(2) : text);
    const rest = this.#expand(text.replace(/^(?:! )?\S+\s*/, ''));
    switch (verb) {
      case 'exec':
        return this.#exec(words, negated);
      case 'status':
        return expect(this.#ran().status).toBe(Number(rest));
      case 'stdout':
        return expectMatch(this.#ran().stdout.toString(), rest, negated);
      case 'stderr':
        return expectMatch(this.#ran().stderr, rest, negated);
      case 'json':
        return this.#json(words[0] ?? '', rest.slice((words[0] ?? '').length).trim());
      case 'cmp':
        return expect(await this.#bytes(words[0] ?? '')).toEqual(await this.#bytes(words[1] ?? ''));
      case 'start':
        this.#background = new Background(words, this.#work, this.#environment());
        return;
      case 'await':
        return this.#await(rest);
      case 'stop':
        return this.#stop();
      default:
        return this.#fileCommand(verb, words, negated);
    }
  }

  async #fileCommand(verb: string, words: readonly string[], negated: boolean): Promise<void> {
    const [first = '', second = ''] = words;
    switch (verb) {
      case 'stdin':
        this.#stdin = this.#path(first);
        return;
      case 'env': {
        const at = first.indexOf('=');
        this.#variables.set(first.slice(0, at), first.slice(at + 1));
        return;
      }
      case 'cp':
        return copyFile(this.#path(first), this.#path(second));
      case 'rm':
        return rm(this.#path(first), { recursive: true });
      case 'mkdir':
        await mkdir(this.#path(first), { recursive: true });
        return;
      case 'chmod':
        return chmod(this.#path(second), Number.parseInt(first, 8));
      case 'mode':
        return expect(((await stat(this.#path(first))).mode & 0o777).toString(8)).toBe(second);
      case 'exists':
        return expect(existsSync(this.#path(first))).toBe(!negated);
      default:
        throw new Error(`the script language has no '${verb}'`);
    }
  }

  describeLast(): string {
    const ran = this.#last;
    const told =
      ran && `status ${ran.status}\nstdout: ${ran.stdout.toString().slice(0, 4000)}\nstderr: ${ran.stderr}`;
    return [told, this.#background && `background: ${this.#background.text}`].filter(Boolean).join('\n');
  }

  async close(): Promise<void> {
    await this.#background?.kill();
  }

  async #exec(words: readonly string[], negated: boolean): Promise<void> {
    const child = spawnProgram(words, this.#work, this.#environment());
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => stdout.push(part));
    child.stderr?.on('data', (part: Buffer) => stderr.push(part));
    child.stdin?.on('error', () => undefined); // the program may not read it
    child.stdin?.end(this.#stdin === undefined ? undefined : await readFile(this.#stdin));
    this.#stdin = undefined;
    const [status] = (await once(child, 'close')) as [number | null];
    this.#last = { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
    if (words[0] === 'tftp-pki') {
      noteSecrets(words, this.#work);
      for (const said of [...stdout, ...stderr]) refuseSecrets(said);
    }
    if (negated) expect(status).toBeGreaterThan(0);
    else expect(status).toBe(0);
  }

  #json(path: string, wanted: string): void {
    const whole: unknown = JSON.parse(this.#ran().stdout.toString());
    const found = path
      .split('.')
      .filter((step) => step !== '')
      .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], whole);
    expect(found).toEqual(JSON.parse(wanted));
  }

  async #await(pattern: string): Promise<void> {
    if (this.#background === undefined) throw new Error('nothing was started');
    const groups = await this.#background.line(new RegExp(pattern, 'm'));
    for (const [name, value] of Object.entries(groups)) this.#variables.set(name, value);
  }

  async #stop(): Promise<void> {
    expect(await this.#background?.interrupt()).toBe(0);
  }

  #ran(): Ran {
    if (this.#last === undefined) throw new Error('nothing was executed yet');
    return this.#last;
  }

  async #bytes(name: string): Promise<Buffer> {
    return name === 'stdout' ? this.#ran().stdout : readFile(this.#path(name));
  }

  #path(word: string): string {
    return resolve(this.#work, word);
  }

  #environment(): NodeJS.ProcessEnv {
    const { PATH: path = '' } = process.env;
    return { PATH: path, HOME: this.#work, TZ: 'UTC', ...Object.fromEntries(this.#variables) };
  }

  #words(text: string): readonly string[] {
    return Array.from(
      text.matchAll(/'([^']*)'|(\S+)/g),
      ([, quoted, plain]) => quoted ?? this.#expand(plain ?? ''),
    );
  }

  #expand(text: string): string {
    return text.replaceAll(/\$([A-Za-z_]+)/g, (whole, name: string) => this.#variables.get(name) ?? whole);
  }
}

/** A program that runs until it is stopped; its output is kept for await. */
class Background {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  text = '';

  constructor(words: readonly string[], work: string, env: NodeJS.ProcessEnv) {
    this.#child = spawnProgram(words, work, env);
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (part: Buffer) => {
        refuseSecrets(part);
        this.text += part.toString();
      });
  }

  async line(pattern: RegExp): Promise<Record<string, string>> {
    const untilMs = Date.now() + lineWaitMs;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match.groups ?? {};
      if (this.#child.exitCode !== null) throw new Error(`it ended with status ${this.#child.exitCode}`);
      if (Date.now() > untilMs) throw new Error(`no line ${pattern} in ${lineWaitMs} ms`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    await this.#closed;
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

function spawnProgram(words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const [program = '', ...args] = words;
  return program === 'tftp-pki'
    ? spawn(process.execPath, [programPath, ...args], { cwd, env })
    : spawn(program, args, { cwd, env });
}

function expectMatch(text: string, pattern: string, negated: boolean): void {
  const expression = new RegExp(pattern, 'm');
  if (negated) expect(text).not.toMatch(expression);
  else expect(text).toMatch(expression);
}

/**
 * What our programs say is looked through for secrets, whichever test starts them and however: every child process whose
 * command line names the program, by what arrives of its stdout and stderr, also where a secret is cut between two chunks. Apart from overhear.ts, because files that share a
 * process share one pair of ears.
 */
import childProcess, { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import type { Readable } from 'node:stream';
import { noteSecrets, secretsIn } from './secrets.ts';

/** Longer than any form of a secret: the decimal digits of a 2,048-bit number are 617. */
const tailBytes = 1_024;

const found = new Set<string>();

/** What was said since the last call. */
export function takeFound(): readonly string[] {
  const told = [...found];
  found.clear();
  return told;
}

/** The built program, an example or a tool that starts it, or a shell's line that does. */
function isOurs(words: readonly string[]): boolean {
  return /\/bin\/main\.js\b|\/tools\/start\.mjs\b|\bexamples\/|\bnpm start\b|\bnpx tftp-pki\b/.test(
    words.join(' '),
  );
}

function hear(bytes: Buffer): void {
  for (const name of secretsIn(bytes)) found.add(name);
}

function overhear(stream: Readable | null): void {
  if (stream === null) return;
  let tail = Buffer.alloc(0);
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk instanceof Uint8Array) {
      const bytes = Buffer.concat([tail, chunk]);
      hear(bytes);
      tail = bytes.subarray(-tailBytes);
    }
    return push(chunk, encoding);
  };
}

interface SpawnOptions {
  readonly file: string;
  readonly args?: readonly string[];
  readonly cwd?: string | URL | undefined;
}
type Spawn = (this: ChildProcess, options: SpawnOptions) => unknown;
const prototype = ChildProcess.prototype as unknown as { spawn: Spawn };
const spawn = prototype.spawn;
prototype.spawn = function (this: ChildProcess, options: SpawnOptions): unknown {
  const words = options.args ?? [];
  const result = spawn.call(this, options);
  if (isOurs(words)) {
    noteSecrets(words.join(' ').split(' '), String(options.cwd ?? process.cwd()));
    overhear(this.stdout);
    overhear(this.stderr);
  }
  return result;
};

const spawnSync = childProcess.spawnSync as (
  file: string,
  args?: readonly string[],
  options?: object,
) => ReturnType<typeof childProcess.spawnSync>;
childProcess.spawnSync = ((file: string, args?: readonly string[], options?: object) => {
  const result = spawnSync(file, args, options);
  if (Array.isArray(args) && isOurs(args)) {
    noteSecrets(args, process.cwd());
    for (const said of [result.stdout, result.stderr]) if (said) hear(Buffer.from(said));
  }
  return result;
}) as typeof childProcess.spawnSync;
syncBuiltinESMExports();

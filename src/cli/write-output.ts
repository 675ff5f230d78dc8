/**
 * Where `-o OUT` goes: a file that appears whole or not at all, or stdout for `-`.
 * As with curl an existing regular file is replaced; a device, FIFO or link is written through and never replaced;
 * a folder is refused. Bytes are not thrown at a terminal unless `-o -` asks for it.
 */
import { lstat, open, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { OptionDefinition } from './command.ts';
import { asFailure } from './failure.ts';
import type { Output } from './output.ts';

export const outputOption: OptionDefinition = {
  flags: '-o, --output <OUT>',
  description: 'write to OUT, replacing a regular file of that name; - is stdout (default: stdout)',
};

/**
 * `target` undefined means stdout. With a file as target `--json` prints `facts` and where the bytes went;
 * bytes and JSON never share stdout.
 */
export async function writeOutput(
  output: Output,
  target: string | undefined,
  bytes: Uint8Array,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (target === undefined || target === '-') {
    if (output.json)
      throw new Failure('usage', '--json and the bytes cannot both go to stdout', {
        hint: 'name a file with -o OUT',
      });
    if (target === undefined && output.stdoutIsTerminal && isBinary(bytes))
      throw new Failure('usage', 'the result is binary and stdout is a terminal', {
        hint: 'name a file with -o OUT, or force it with -o -',
      });
    output.bytes(bytes);
    return;
  }
  try {
    await writeWhole(target, bytes);
  } catch (thrown) {
    throw asFailure(thrown, `cannot write ${target}`) ?? thrown;
  }
  if (output.json) output.object({ ...facts, bytes: bytes.length, output: target });
}

/** Would a terminal be disturbed: control characters other than tab, line feed and carriage return. */
function isBinary(bytes: Uint8Array): boolean {
  return bytes.some(
    (byte) => (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f,
  );
}

async function writeWhole(target: string, bytes: Uint8Array): Promise<void> {
  if (!(await isReplaceable(target))) {
    await writeFile(target, bytes);
    return;
  }
  const temporary = join(dirname(target), `.${basename(target)}.${crypto.randomUUID()}`);
  const handle = await open(temporary, 'wx', 0o666);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
    await rename(temporary, target);
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined); // the first failure is the one to tell
    throw thrown;
  } finally {
    await handle.close();
  }
}

/** Nothing is there, or a regular file is; anything else keeps its place. */
async function isReplaceable(target: string): Promise<boolean> {
  try {
    return (await lstat(target)).isFile();
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return true;
    throw thrown;
  }
}

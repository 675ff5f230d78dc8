/** Files that a person names on the command line, read whole within a bound; `-` is stdin. */
import { createReadStream } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { signedFileBytesMax } from '../base/limits.ts';
import { concatBytes } from '../base/bytes.ts';
import type { Terminal } from './output.ts';
import { asFailure } from './failure.ts';

/** Refuses folders and whatever is longer than `bytesMax`; a FIFO is read like a file, as shells make them. */
export async function readInput(
  terminal: Terminal,
  path: string,
  bytesMax: number = signedFileBytesMax,
): Promise<Uint8Array> {
  if (path === '-') return collect(terminal.stdin, 'stdin', bytesMax);
  try {
    return await collect(createReadStream(path), path, bytesMax);
  } catch (thrown) {
    throw asFailure(thrown, `cannot read ${path}`) ?? thrown;
  }
}

/** The version of the content, as the server takes it: when the file was last changed, never in the future. */
export async function contentSecondsOf(path: string): Promise<number> {
  const contentMs = path === '-' ? Date.now() : Math.min((await stat(path)).mtimeMs, Date.now());
  return Math.floor(contentMs / 1000);
}

/** The absolute path of a folder that can be read; `option` named it. */
export async function existingFolder(path: string, option: string): Promise<string> {
  try {
    await (await opendir(path)).close();
    return resolve(path);
  } catch (thrown) {
    const failure = asFailure(thrown, `cannot read the folder ${path}`);
    if (failure === undefined) throw thrown;
    throw new Failure(failure.code, failure.message, {
      hint: `${option} names a folder that exists and that this user may read.`,
      cause: thrown,
    });
  }
}

async function collect(
  stream: AsyncIterable<Buffer | string>,
  name: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    length += bytes.length;
    if (length > bytesMax) throw new Failure('format', `${name} is longer than ${bytesMax} bytes`);
    parts.push(bytes);
  }
  return concatBytes(...parts);
}

/** Runs `read` and says in its Failure which file it was about. */
export function namingFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw withFileName(path, thrown);
  }
}

/** The same for what takes its time. */
export async function namingFileAsync<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    throw withFileName(path, thrown);
  }
}

function withFileName(path: string, thrown: unknown): unknown {
  if (!(thrown instanceof Failure)) return thrown;
  return new Failure(thrown.code, `${path}: ${thrown.message}`, { hint: thrown.hint, cause: thrown });
}

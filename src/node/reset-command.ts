/** Runs the program that resets one phone: words, no shell; a time limit; what it said when it failed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { resetCommandMsMax } from '../base/limits.ts';
import { printable } from '../base/text.ts';

const run = promisify(execFile);

/** `undefined` when it ended with status 0, else one line. */
export async function runResetCommand([program = '', ...args]: readonly string[]): Promise<
  string | undefined
> {
  try {
    await run(program, args, { timeout: resetCommandMsMax, maxBuffer: 64 * 1024 });
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const said = 'stderr' in error ? String(error.stderr).trim().split('\n')[0] : '';
    return printable(said === undefined || said === '' ? (error.message.split('\n')[0] ?? '') : said);
  }
}

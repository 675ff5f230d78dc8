import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { parseScript, runScript } from './testscript.ts';

/** A script starts the program up to fifty times, each in a process of its own. */
const scriptMs = 180_000;
const folder = join(import.meta.dirname, 'scripts');

describe('the command line, by scripts against the built program', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt')))
    it(
      name.replace(/\.txt$/, ''),
      async () => {
        await runScript(parseScript(readFileSync(join(folder, name), 'utf8')));
      },
      scriptMs,
    );
});

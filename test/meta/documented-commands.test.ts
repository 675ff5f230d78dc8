/** What documents tell a person to type exists: every `tftp-pki …` in a code block names a command and its options. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { globalOptions } from '../../src/cli/global-options.ts';
import { listFiles, root } from './source.ts';

const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...listFiles('docs', ['.md'])];

describe('commands in documents', () => {
  it.each(documents)('%s', (path) => {
    const unknown = shellLines(readFileSync(join(root, path), 'utf8')).flatMap((line) => {
      const [name = '', ...words] = line.split(/\s+/);
      const command = commands.find((known) => known.name === name);
      if (command === undefined) return [`${name} in: ${line}`];
      // `plan` takes another command as it would be typed.
      const planned = name === 'plan' ? commands.find((known) => known.name === words[0]) : undefined;
      const own = [...globalOptions, ...(command.options ?? []), ...(planned?.options ?? [])];
      const flags = own.flatMap(({ flags: text }) => text.match(/--?[a-z][\w-]*/g));
      return words.filter((word) => word.startsWith('-') && word.length > 1 && !flags.includes(word));
    });
    expect(unknown).toEqual([]);
  });

  it('the README shows commands at all', () => {
    expect(shellLines(readFileSync(join(root, 'README.md'), 'utf8')).length).toBeGreaterThanOrEqual(5);
  });
});

/** The words after `tftp-pki` in fenced blocks that a shell would run. */
function shellLines(markdown: string): string[] {
  return [...markdown.matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => /(?:^|[\s|])tftp-pki\s+([a-z].*?)(?:\s+[&#|>].*)?$/.exec(line)?.[1] ?? []);
}

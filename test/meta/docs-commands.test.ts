import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { commandsPage, renderCommands } from '../../tools/docs/commands.ts';

describe('docs/reference/commands.md', () => {
  it('is what the program says today; npx tsx tools/docs/commands.ts renews it', () => {
    expect(readFileSync(commandsPage, 'utf8')).toBe(renderCommands());
  });

  it('every command has an example that calls it, and names that are unique', () => {
    for (const { name, examples } of commands) {
      expect(examples.length).toBeGreaterThan(0);
      for (const { command } of examples) expect(command).toContain(`tftp-pki ${name}`);
    }
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  });
});

/**
 * docs/reference/commands.md from the commands' own definitions.
 * `npx tsx tools/docs/commands.ts` writes it; test/meta/docs-commands.test.ts keeps it fresh.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandDefinition, OptionDefinition } from '../../src/cli/command.ts';
import { topics } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { exitMeanings, exitStatusByCode } from '../../src/cli/exit.ts';
import { globalOptions } from '../../src/cli/global-options.ts';

export const commandsPage = new URL('../../docs/reference/commands.md', import.meta.url);

export function renderCommands(): string {
  const parts = [
    '# Commands',
    'Made from the program by `npx tsx tools/docs/commands.ts`; edit the definitions in `src/cli/commands/`.',
    'Data goes to stdout, talk to stderr as `tftp-pki: error: …` and `tftp-pki: hint: …`.',
    ...topics.flatMap((topic) => {
      const listed = commands.filter((command) => command.topic === topic);
      return listed.length === 0 ? [] : [`- ${topic}: ${listed.map(link).join(', ')}`];
    }),
    '## Options of every command',
    optionTable(globalOptions),
    '## Exit status',
    exitTable(),
    ...topics.flatMap((topic) => commands.filter((command) => command.topic === topic).map(renderCommand)),
  ];
  return `${joinBlocks(parts)}\n`;
}

function renderCommand(command: CommandDefinition): string {
  const { name, summary, description, arguments: taken = [], options = [], examples } = command;
  const words = [name, ...(options.length > 0 ? ['[options]'] : []), ...taken.map(({ syntax }) => syntax)];
  const rows = taken.map(({ syntax, description: says }) => [`\`${syntax}\``, says]);
  return joinBlocks([
    `## ${name}`,
    `\`tftp-pki ${words.join(' ')}\` — ${summary}.`,
    ...description,
    ...(rows.length === 0 ? [] : [table(['Argument', ''], rows)]),
    ...(options.length === 0 ? [] : [optionTable(options)]),
    ['```sh', ...examples.flatMap(({ says, command: line }) => [`# ${says}`, line]), '```'].join('\n'),
  ]);
}

function optionTable(options: readonly OptionDefinition[]): string {
  return table(
    ['Option', ''],
    options.map(({ flags, description, choices, many, required, default: standard }) => {
      const extra = [
        ...(choices === undefined ? [] : [`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`]),
        ...(required === true ? ['required'] : []),
        ...(many === true ? ['may stand several times'] : []),
        ...(standard === undefined ? [] : [`default: ${standard}`]),
      ];
      return [`\`${flags}\``, extra.length === 0 ? description : `${description} (${extra.join('; ')})`];
    }),
  );
}

function exitTable(): string {
  const rows = Object.entries(exitMeanings).map(([status, meaning]) => {
    const codes = Object.entries(exitStatusByCode).filter(([, value]) => value === Number(status));
    return [status, meaning, codes.map(([code]) => `\`${code}\``).join(', ')];
  });
  return table(['Status', 'Meaning', 'Failure codes'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function link({ name }: CommandDefinition): string {
  return `[${name}](#${name})`;
}

/** Blank lines between blocks, none between the items of a list. */
function joinBlocks(parts: readonly string[]): string {
  return parts.reduce((page, part) => {
    const oneList = part.startsWith('- ') && /(?:^|\n)- [^\n]*$/.test(page);
    return page === '' ? part : `${page}${oneList ? '\n' : '\n\n'}${part}`;
  }, '');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(commandsPage, renderCommands());

/**
 * argv in, exit status out. The commands' definitions become a commander program here; everything thrown
 * becomes one line on stderr and the status of its code. Unknown commands and options are usage errors (2)
 * with the nearest known word as the hint.
 */
import { Argument, Command, CommanderError, Option } from 'commander';
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { CommandDefinition, OptionDefinition } from './command.ts';
import { topics } from './command.ts';
import { commands } from './commands.ts';
import type { ExitStatus } from './exit.ts';
import { exitMeanings, exitStatusByCode } from './exit.ts';
import { asFailure } from './failure.ts';
import { globalOptions } from './global-options.ts';
import type { Terminal } from './output.ts';
import { Output } from './output.ts';
import { readVersion } from './version.ts';

export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  // Errors of parsing come before --json is parsed; it does not change how they are said.
  const output = new Output(terminal, argv.includes('--json'));
  let status: ExitStatus = 0;
  const program = buildProgram(terminal, output, (result) => {
    status = result;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync(argv, { from: 'user' });
    await output.flush();
  } catch (thrown) {
    status = report(thrown, output);
    await output.flush().catch(() => undefined); // the first failure is the one that was told
  }
  return status;
}

export function buildProgram(
  terminal: Terminal,
  output: Output,
  done: (status: ExitStatus) => void,
): Command {
  const program = new Command('tftp-pki')
    .description('The TFTP node that secure phone clusters trust.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: () => undefined, // told by report(), in this program's own form
      getOutHelpWidth: () => helpWidth(terminal),
      getErrHelpWidth: () => helpWidth(terminal),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (command) =>
        (command.parent?.options ?? []).filter((option) => option.long !== '--version'),
      subcommandTerm: (command) => command.name(),
      commandUsage: (command) =>
        `${command.parent === null ? '' : 'tftp-pki '}${command.name()} ${command.usage()}`,
    })
    .addHelpText('after', exitHelp());
  for (const definition of globalOptions) program.addOption(toOption(definition));
  // Commander lists groups in the order of their first command.
  for (const topic of topics)
    for (const definition of commands.filter((command) => command.topic === topic))
      addCommand(program, definition, terminal, output, done);
  program.commandsGroup('Shell:').helpCommand('help [command]', 'print the help of a command');
  return program;
}

/** Lines above 100 columns are hard to read; a pipe gets 100. */
function helpWidth(terminal: Terminal): number {
  return Math.min(terminal.stdout.columns ?? 100, 100);
}

function addCommand(
  program: Command,
  definition: CommandDefinition,
  terminal: Terminal,
  output: Output,
  done: (status: ExitStatus) => void,
): void {
  const command = program
    .command(definition.name)
    .summary(definition.summary)
    .description(definition.description.join('\n\n'))
    .helpGroup(`${definition.topic}:`)
    .addHelpText('after', exampleHelp(definition));
  for (const { syntax, description, choices } of definition.arguments ?? []) {
    const argument = new Argument(syntax, description);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of definition.options ?? []) command.addOption(toOption(option));
  if (definition.takesForeignOptions === true) command.allowUnknownOption();
  command.action(async () => {
    const { data, passphraseFile, reason } = program.opts<{
      data?: string;
      passphraseFile?: string;
      reason?: string;
    }>();
    const global = {
      dataDir: data ?? (terminal.env['TFTP_PKI_DATA'] || undefined),
      passphraseFile,
      reason,
    };
    // Words that may repeat come as a list, the last argument of their command.
    const args = command.processedArgs.flat() as readonly (string | undefined)[];
    done(await definition.run({ output, terminal, global }, args, command.opts()));
  });
}

function toOption(definition: OptionDefinition): Option {
  const { parse, many, choices } = definition;
  const notes = [
    ...(choices === undefined ? [] : [choices.join(', ')]),
    ...(definition.required === true ? ['required'] : []),
    ...(many === true ? ['may stand several times'] : []),
    ...(definition.default === undefined ? [] : [`default: ${definition.default}`]),
  ];
  const shown = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  const option = new Option(definition.flags, definition.description + shown);
  if (definition.required === true) option.makeOptionMandatory();
  const read = (word: string): unknown => {
    if (choices !== undefined && !choices.includes(word))
      throw new Failure(
        'usage',
        `option '${option.flags}': '${printable(word)}' is not one of ${choices.join(', ')}`,
      );
    try {
      return parse === undefined ? word : parse(word);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== 'usage') throw thrown;
      throw new Failure('usage', `option '${option.flags}': ${thrown.message}`, { hint: thrown.hint });
    }
  };
  if (many === true)
    option.argParser((word: string, before: readonly unknown[] | undefined) => [
      ...(before ?? []),
      read(word),
    ]);
  else if (!option.isBoolean()) option.argParser(read);
  return option;
}

/** Says what went wrong on stderr, with the next step where one is known. */
function report(thrown: unknown, output: Output): ExitStatus {
  if (thrown instanceof CommanderError) return reportUsage(thrown, output);
  const failure = asFailure(thrown);
  if (failure === undefined) {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    output.error(`internal: ${text}`);
    output.hint('this is a bug in tftp-pki; please report the lines above');
    return exitStatusByCode.refused;
  }
  output.failure(failure);
  return exitStatusByCode[failure.code];
}

function reportUsage(thrown: CommanderError, output: Output): ExitStatus {
  // --help and --version end by an exception too.
  if (thrown.exitCode === 0) return 0;
  const [first = '', ...rest] = thrown.message.split('\n');
  output.error(printable(first.replace(/^error: /, '')));
  const nearest = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(rest.join(' '))?.[1];
  output.hint(
    nearest === undefined ? 'tftp-pki --help lists commands and options' : `did you mean ${nearest}?`,
  );
  return 2;
}

function exampleHelp(definition: CommandDefinition): string {
  const lines = definition.examples.flatMap(({ says, command }) => [`  # ${says}`, `  ${command}`]);
  return ['', definition.examples.length === 1 ? 'Example:' : 'Examples:', ...lines].join('\n');
}

function exitHelp(): string {
  const lines = Object.entries(exitMeanings).map(([status, meaning]) => `  ${status}  ${meaning}`);
  return ['', 'Exit status:', ...lines, '', '"tftp-pki COMMAND --help" shows options and examples.'].join(
    '\n',
  );
}

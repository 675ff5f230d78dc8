/**
 * The shape of one command: what it is called, what it takes, what it says, and how it runs.
 * Help, completion and docs/reference/commands.md are made from this one value.
 * A definition imports no heavy module; `run` loads what it needs.
 */
import type { ExitStatus } from './exit.ts';
import type { Output, Terminal } from './output.ts';

/** Topics in the order in which help lists them. */
export const topics = [
  'Node',
  'Devices',
  'Files',
  'Trust',
  'Certificates',
  'Clusters',
  'Phones',
  'Shell',
] as const;
export type Topic = (typeof topics)[number];

/** The options that every command takes. */
export interface GlobalOptions {
  /** Folder of the node, as given; undefined when neither the option nor TFTP_PKI_DATA names one. */
  readonly dataDir: string | undefined;
  readonly passphraseFile: string | undefined;
  /** Why something is done, for the audit. */
  readonly reason: string | undefined;
}

export interface CommandContext {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly global: GlobalOptions;
}

export interface ArgumentDefinition {
  /** `<file>`, `[file]` or `<file…>` as commander writes it. */
  readonly syntax: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

export interface OptionDefinition {
  /** `-o, --output <OUT>` as commander writes it. */
  readonly flags: string;
  readonly description: string;
  /** Turns the word into a value; throws Failure `usage` with the allowed form. */
  readonly parse?: (word: string) => unknown;
  /** May stand several times; the value is the list, undefined when absent. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly required?: boolean;
  /** Shown in help; the command applies it. */
  readonly default?: string | number;
}

export interface ExampleDefinition {
  readonly says: string;
  readonly command: string;
}

/** `Options` has the camel-case names of the long options. */
export interface CommandDefinition<Options = Readonly<Record<string, unknown>>> {
  readonly name: string;
  readonly topic: Topic;
  /** One line for the list of commands, without a full stop. */
  readonly summary: string;
  /** Paragraphs for the command's own help. */
  readonly description: readonly string[];
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: readonly OptionDefinition[];
  readonly examples: readonly ExampleDefinition[];
  /** Options that are none of its own are words of its last argument: they belong to another command. */
  readonly takesForeignOptions?: boolean;
  run(context: CommandContext, args: readonly (string | undefined)[], options: Options): Promise<ExitStatus>;
}

/** Gives `run` the type of its own options; what fills them is `options` of the same definition. */
export function defineCommand<Options = Readonly<Record<string, never>>>(
  definition: CommandDefinition<Options>,
): CommandDefinition {
  return {
    ...definition,
    run: (context, args, options) => definition.run(context, args, options as Options),
  };
}

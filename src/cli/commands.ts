/** Every command, in the order in which help lists them within their topic. */
import type { CommandDefinition } from './command.ts';
import { completion } from './commands/completion.ts';
import { inspectFile } from './commands/inspect-file.ts';
import { stripFile } from './commands/strip-file.ts';
import { verifyFile } from './commands/verify-file.ts';

export const commands: readonly CommandDefinition[] = [inspectFile, verifyFile, stripFile, completion];

/** Every command, in the order in which help lists them within their topic. */
import type { CommandDefinition } from './command.ts';
import { completion } from './commands/completion.ts';
import { stripFile } from './commands/strip-file.ts';

export const commands: readonly CommandDefinition[] = [stripFile, completion];

import type { OptionDefinition } from './command.ts';
import { parseReason } from './words.ts';

/** Taken before or after the command's name by every command. */
export const globalOptions: readonly OptionDefinition[] = [
  { flags: '--data <DIR>', description: "the node's folder (env: TFTP_PKI_DATA)" },
  {
    flags: '--passphrase-file <FILE>',
    description: 'the passphrase of the private keys is the first line of FILE',
  },
  {
    flags: '--reason <TEXT>',
    description: 'why, for the audit of a change of trust',
    parse: parseReason,
  },
  { flags: '--json', description: 'print data as JSON' },
];

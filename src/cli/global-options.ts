import type { OptionDefinition } from './command.ts';

/** Taken before or after the command's name by every command. */
export const globalOptions: readonly OptionDefinition[] = [
  { flags: '--data <DIR>', description: "the node's folder (env: TFTP_PKI_DATA)" },
  {
    flags: '--passphrase-file <FILE>',
    description: 'the passphrase of the private keys is the first line of FILE',
  },
  { flags: '--json', description: 'print data as JSON' },
];

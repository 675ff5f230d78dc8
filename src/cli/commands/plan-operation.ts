import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { defineCommand } from '../command.ts';

export const planCommand = defineCommand({
  name: 'plan',
  topic: 'Trust',
  summary: 'say what a change of trust would do to the phones, and in which order to do it',
  description: [
    'Takes another command with its options, as it would be typed, and does everything of it but the change: the lists ' +
      'it would publish, the pairs of lists that phones may hold, where each finds the signer of its configuration now ' +
      'and then, and three numbers: stranded (no path any more), unknown (may hold lists of elsewhere), offline.',
    'A pair must have its path under every reading of what phones do where no public source settles it. The TVS is no ' +
      'path to rely on: it may be down when a phone asks.',
    'Exits 1 when phones would be stranded.',
  ],
  arguments: [{ syntax: '<operation...>', description: 'a command that changes trust, with its options' }],
  takesForeignOptions: true,
  examples: [
    {
      says: 'may the new signer of lists be used now?',
      command: 'tftp-pki plan renew-cert itlrecovery --switch --data /var/lib/tftp-pki',
    },
    {
      says: 'the three numbers',
      command:
        "tftp-pki plan set-mode mixed --json | jq '.phones | [.stranded, .unknown, .offline] | map(length)'",
    },
  ],
  async run({ output, terminal, global }, words) {
    const [{ runProgram }, { commands }] = await Promise.all([
      import('../program.ts'),
      import('../commands.ts'),
    ]);
    const [name = '', ...rest] = words.flatMap((word) => word ?? []);
    const planned = commands.find((command) => command.name === name);
    if (planned?.options?.some(({ flags }) => flags === '--strand <N>') !== true) {
      const known = commands.filter(({ options }) => options?.some(({ flags }) => flags === '--strand <N>'));
      throw new Failure('usage', `'${printable(name)}' is no change of trust`, {
        hint: `one of ${known.map((command) => command.name).join(', ')}`,
      });
    }
    const own = [
      ...(output.json ? ['--json'] : []),
      ...(global.dataDir === undefined ? [] : ['--data', global.dataDir]),
      ...(global.passphraseFile === undefined ? [] : ['--passphrase-file', global.passphraseFile]),
    ];
    return runProgram([name, ...rest, ...own, '--dry-run'], terminal);
  },
});

import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { ExitStatus } from '../exit.ts';
import { withNode } from '../node.ts';
import { parseCountWithin } from '../words.ts';

interface PlanOptions {
  readonly recover?: boolean;
  readonly behind?: number;
}

const behindDaysDefault = 7;
const dayMs = 86_400_000;

export const planCommand = defineCommand<PlanOptions>({
  name: 'plan',
  topic: 'Trust',
  summary: 'say what a change of trust would do to the phones, and in which order to do it',
  description: [
    'Takes another command with its options, as it would be typed, and does everything of it but the change: the lists ' +
      'it would publish, the pairs of lists that phones may hold, where each finds the signer of its configuration now ' +
      'and then, and three numbers: stranded (no path any more), unknown (may hold lists of elsewhere), offline.',
    'A pair must have its path under every reading of what phones do where no public source settles it. The TVS is no ' +
      'path to rely on: it may be down when a phone asks.',
    'Then the steps in their order, each planned in the state that the ones before it leave: what may follow, and when; ' +
      'and where phones would be stranded, what may go first so that they are not.',
    'With --recover it lists the phones that cannot follow and the known way back of each.',
    'Exits 1 when phones would be stranded.',
  ],
  arguments: [{ syntax: '[operation...]', description: 'a command that changes trust, with its options' }],
  takesForeignOptions: true,
  options: [
    {
      flags: '--recover',
      description:
        'instead of an operation: phones that refuse, may hold lists of elsewhere or fall behind, and what leads each back',
    },
    {
      flags: '--behind <DAYS>',
      description:
        'with --recover: still heard without newer lists so long after those it was given were replaced',
      parse: parseCountWithin(0, 3650),
      default: behindDaysDefault,
    },
  ],
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
  async run(context, words, { recover = false, behind = behindDaysDefault }) {
    const { output, terminal, global } = context;
    if (recover) return runRecovery(context, behind * dayMs);
    if (words.every((word) => word === undefined))
      throw new Failure('usage', 'plan needs a command to plan, or --recover', {
        hint: 'tftp-pki plan update-itl',
      });
    const [{ runProgram }, { commands }] = await Promise.all([
      import('../program.ts'),
      import('../commands.ts'),
    ]);
    const [name = '', ...rest] = words.flatMap((word) => word ?? []);
    const planned = commands.find((command) => command.name === name);
    if (planned === undefined || !changesTrust(planned)) {
      const known = commands.filter(changesTrust);
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

/** What the planner guards; `adopt` has no phones to count yet and is refused for any pair without a path. */
function changesTrust({ name, options = [] }: Pick<CommandDefinition, 'name' | 'options'>): boolean {
  return name === 'adopt' || options.some(({ flags }) => flags === '--strand <N>');
}

async function runRecovery(context: CommandContext, behindMs: number): Promise<ExitStatus> {
  const { output } = context;
  const [{ planRecovery }, { readUnknownSigners }, { printRecovery, recoveryFacts }] = await Promise.all([
    import('../../app/recover.ts'),
    import('../../node/tvs-reports.ts'),
    import('../show-recovery.ts'),
  ]);
  await withNode(context, async (node) => {
    const unknownSigners = await readUnknownSigners(node);
    const plan = await planRecovery(node, { behindMs, unknownSigners });
    if (output.json) output.object(recoveryFacts(plan));
    else printRecovery(output, plan, node.clock.nowMs());
  });
  return 0;
}

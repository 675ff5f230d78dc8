import type { CheckFinding } from '../../node/check/finding.ts';
import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';
import type { Output, Style } from '../output.ts';

const styles: Readonly<Record<CheckFinding['verdict'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  wrong: 'red',
};

export const checkNodeCommand = defineCommand({
  name: 'check',
  topic: 'Node',
  summary: 'say what keeps this node from serving its phones',
  description: [
    'Looks at the configured addresses and ports (free, taken and by whom, not allowed for this user), the networks of ' +
      'this machine, the receive buffer, the packet engine, the directories, the modes of folder and keys, whether every ' +
      'key opens, and the clock. Nothing is changed. A server that runs on the folder is asked instead of its ports.',
    'Run it as the user who serves. Exit status 1 when something is wrong; warnings alone are 0.',
  ],
  examples: [
    { says: 'before the first start', command: 'tftp-pki check --data /var/lib/tftp-pki' },
    {
      says: 'what is wrong, for a script',
      command: 'tftp-pki check --json | jq \'.findings[] | select(.verdict != "ok")\'',
    },
  ],
  async run(context) {
    const { output, terminal } = context;
    const options = nodeOptions(context);
    const { checkNode } = await import('../../node/check/check-node.ts');
    const findings = await checkNode(options, terminal.env);
    const isWrong = findings.some(({ verdict }) => verdict === 'wrong');
    if (output.json)
      output.object({
        wrong: isWrong,
        findings: findings.map((one) => ({ ...one, hint: one.hint ?? null })),
      });
    else printFindings(output, findings);
    return isWrong ? 1 : 0;
  },
});

function printFindings(output: Output, findings: readonly CheckFinding[]): void {
  for (const { verdict, topic, message } of findings)
    output.line(`${output.style(styles[verdict], verdict.padEnd(7))}  ${topic.padEnd(6)}  ${message}`);
  const hints = findings.flatMap(({ topic, hint }) => (hint === undefined ? [] : [`${topic}: ${hint}`]));
  for (const hint of new Set(hints)) output.hint(hint);
}

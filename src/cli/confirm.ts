/**
 * The question before trust changes, on stderr like all talk; `--yes` answers it. Nobody at the terminal is no yes:
 * a script says what it means.
 */
import { createInterface } from 'node:readline/promises';
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { OptionDefinition } from './command.ts';
import type { Terminal } from './output.ts';

export const yesOption: OptionDefinition = { flags: '--yes', description: 'answer the question with yes' };

/** Failure `refused` unless the answer is yes. */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (terminal.stdin.isTTY !== true)
    throw new Failure('refused', `not done, since nobody is there to be asked: ${question}`, {
      hint: 'answer with --yes, or look first with --dry-run',
    });
  const { stdin: input, stderr: output } = terminal;
  const lines = createInterface({ input, output, terminal: false });
  try {
    const answer = await lines.question(`tftp-pki: ${printable(question)} (yes/no) `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new Failure('refused', 'not done');
}

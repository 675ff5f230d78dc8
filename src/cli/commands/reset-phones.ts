import { Failure } from '../../base/errors.ts';
import type { Device } from '../../core/cluster/model.ts';
import type { OpenNode } from '../../node/open-node.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { createProgress } from '../progress.ts';
import { writeOutput } from '../write-output.ts';

interface ResetOptions {
  readonly behind?: boolean;
  readonly csv?: string;
  readonly dryRun?: boolean;
}

export const resetPhonesCommand = defineCommand<ResetOptions>({
  name: 'reset-phones',
  topic: 'Devices',
  summary: 'tell devices to boot: those that changed, or those whose trust lists are older',
  description: [
    'Without names: every device whose configuration changed since it was last reset. Runs the resetCommand of set-provisioning once per device ' +
      '({device} and {line} are filled in, no shell is used), or writes the list as CSV. A device whose command fails stays on the list.',
    'With --behind: every phone that may hold other trust lists than those in force and has not come since they were published ' +
      '(or, in a guided renewal, since the new key signs). It has come when it was given the lists of one node.',
    "For Asterisk: resetCommand: [asterisk, -rx, 'pjsip send notify cisco-restart endpoint {line}'].",
  ],
  arguments: [{ syntax: '[names...]', description: 'devices to reset whether they changed or not' }],
  options: [
    {
      flags: '--behind',
      description:
        'phones that have not taken the trust lists in force, whether their configuration changed or not',
    },
    { flags: '--csv <FILE>', description: 'write the list there (- is stdout) and run nothing' },
    { flags: '--dry-run', description: 'print the list and run nothing' },
  ],
  examples: [
    { says: 'who would be reset', command: 'tftp-pki reset-phones --dry-run' },
    { says: 'after a change of trust', command: 'tftp-pki reset-phones --behind' },
    { says: 'for another tool', command: 'tftp-pki reset-phones --csv reset.csv' },
  ],
  async run(context, words, { behind = false, csv, dryRun = false }) {
    const { output } = context;
    const names = words.filter((word) => word !== undefined);
    if (behind && names.length > 0)
      throw new Failure('usage', '--behind finds the phones by itself', { hint: 'Leave out the names.' });
    const { devicesBehind, devicesToReset, markReset, resetCsv } = await import('../../app/reset-phones.ts');
    return withNode(context, async (node) => {
      // What changes from here on is on the next list.
      const atMs = node.clock.nowMs();
      const devices = behind ? await devicesBehind(node) : await devicesToReset(node.store, names);
      const list = devices.map(({ name }) => name);
      if (dryRun) {
        if (output.json) output.object({ reset: list });
        else for (const name of list) output.line(name);
        return 0;
      }
      if (csv === undefined) return runEach(context, node, devices, atMs);
      await writeOutput(output, csv, Buffer.from(resetCsv(devices)), { reset: list });
      await markReset(node.store, list, atMs);
      return 0;
    });
  },
});

async function runEach(
  { output, terminal }: CommandContext,
  { store }: Pick<OpenNode, 'store'>,
  devices: readonly Device[],
  atMs: number,
): Promise<0 | 1> {
  const { resetWords } = await import('../../app/reset-phones.ts');
  const { readProvisioning } = await import('../../app/provisioning.ts');
  const { runResetCommand } = await import('../../node/reset-command.ts');
  const { resetCommand } = await readProvisioning(store);
  if (resetCommand.length === 0)
    throw new Failure('refused', 'no resetCommand is configured', {
      hint: 'Set one with set-provisioning, or write the list with --csv FILE.',
    });
  let stopped = false;
  terminal.onSignal('SIGINT', () => {
    stopped = true;
  });
  const progress = await createProgress(terminal, 'phones');
  progress.start(devices.length);
  const reset: string[] = [];
  const failed: { device: string; reason: string }[] = [];
  for (const device of devices) {
    if (stopped) break;
    const reason = await runResetCommand(resetWords(resetCommand, device));
    progress.increment();
    if (reason !== undefined) failed.push({ device: device.name, reason });
    else {
      reset.push(device.name);
      await store.markReset([device.name], atMs);
    }
  }
  progress.stop();
  if (output.json) output.object({ reset, failed });
  else for (const { device, reason } of failed) output.line(`${device}: ${reason}`);
  output.note(`${reset.length} reset, ${failed.length} failed`);
  if (stopped) output.warn('interrupted: those that are left stay on the list');
  return stopped || failed.length > 0 ? 1 : 0;
}

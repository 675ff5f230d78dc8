import { userInfo } from 'node:os';
import type { MovePlan } from '../../app/move-devices.ts';
import type { MovePair } from '../../app/move-field.ts';
import { Failure } from '../../base/errors.ts';
import { importedCsvBytesMax } from '../../base/limits.ts';
import { printable } from '../../base/text.ts';
import { aftermathOfMove } from '../../core/trust/aftermath.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';
import { readInput } from '../read-input.ts';
import { printCounts, printSteps, printTable } from '../show-strand.ts';
import { aftermathFacts, dryRunOption, strandOption } from '../run-trust-operation.ts';

interface MoveOptions {
  readonly file?: string;
  readonly to: string;
  readonly dryRun?: boolean;
  readonly strand?: number;
}

export const moveDeviceCommand = defineCommand<MoveOptions>({
  name: 'move-device',
  topic: 'Clusters',
  summary: 'say whether devices take the lists of another cluster, and serve them from there',
  description: [
    'Judges the lists of the destination as phones with each pair of lists that the device may hold, and says which ' +
      'certificates would open a path where there is none. Without a path for every device nothing is moved.',
    'Stranded, unknown and offline are three numbers as in "plan"; of a device of another cluster only the published lists ' +
      'are known, so it is among the unknown.',
    'Add the device at the destination first. From then on its files come from there; where the destination has no ' +
      'configuration of it yet, from whoever has one.',
  ],
  arguments: [{ syntax: '[name]', description: 'the device; or a list of them with --file' }],
  options: [
    { flags: '--file <CSV>', description: 'one device per line, in the first column' },
    { flags: '--to <CLUSTER>', description: 'a remote cluster, or the own one', required: true },
    dryRunOption,
    strandOption,
  ],
  examples: [
    {
      says: 'look before',
      command: 'tftp-pki move-device SEP001122334455 --to branch --dry-run --data /var/lib/tftp-pki',
    },
    {
      says: 'a whole floor',
      command: 'tftp-pki move-device --file floor-2.csv --to branch --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [name], options) {
    const { output, terminal } = context;
    if ((name === undefined) === (options.file === undefined))
      throw new Failure('usage', 'name one device, or a file of them with --file');
    const names = name !== undefined ? [name] : await readNames(terminal, options.file ?? '');
    const [{ planMoves, moveDevices }, { createRemoteLists }, { publishesNoLists }] = await Promise.all([
      import('../../app/move-devices.ts'),
      import('../../node/remote-lists.ts'),
      import('../../app/probe-cluster.ts'),
    ]);
    return withNode(context, async (node) => {
      const lists = createRemoteLists({ node, onEvent: () => undefined });
      const plan = await planMoves(node, names, options.to, async (remote) =>
        publishesNoLists(await lists.look(remote)),
      ).finally(() => lists.close());
      print(output, plan, options.dryRun === true);
      if (options.dryRun === true) return plan.stranded.length > 0 ? 1 : 0;
      await moveDevices(node, plan, userInfo().username, options.strand);
      output.note(
        `${plan.moves.length === 1 ? 'it is' : `${plan.moves.length} devices are`} served from ${plan.to} now`,
      );
      output.hint('tftp-pki reset-phones with their names: they take what is theirs there when they boot');
      return 0;
    });
  },
});

function print(output: Output, plan: MovePlan, withSteps: boolean): void {
  const { to, moves, stranded, unknown, offline, pairs, steps } = plan;
  if (output.json) {
    output.object({
      to,
      phones: { count: moves.length, stranded, unknown, offline, pairs, steps },
      moves: moves.map(({ device, from, path }) => ({ device, from: from ?? null, ...path })),
      ...aftermathFacts(aftermathOfMove),
    });
    return;
  }
  for (const { device, from, path } of moves) {
    const word = path.kind === 'path' ? 'takes it' : 'has no path';
    output.line(`${device}  ${from ?? 'nowhere known'} → ${to}  ${word}: ${printable(path.because)}`);
    if (path.kind === 'none')
      for (const need of path.needs) output.line(`  wanted in the lists of ${from} as ${printable(need)}`);
  }
  if (pairs.length > 0) output.line();
  const word = ({ kind }: MovePair['now']): string => (kind === 'path' ? 'path' : 'none  (stranded)');
  printTable(
    output,
    ['MAY HOLD CTL', 'ITL', 'PHONES', 'PATH, AS THEY ARE', 'AFTER A BOOT HERE'],
    pairs.map(({ ctl, itl, phones, now, booted }) => [ctl, itl, String(phones), word(now), word(booted)]),
  );
  output.line();
  printCounts(output, { phones: moves.length, stranded, unknown, offline });
  if (withSteps) printSteps(output, steps);
}

async function readNames(
  terminal: Parameters<typeof readInput>[0],
  file: string,
): Promise<readonly string[]> {
  const [{ parseCsv }, { decodeUtf8 }, { parseDeviceName }] = await Promise.all([
    import('../../core/devices/csv.ts'),
    import('../../base/text.ts'),
    import('../../core/files/file-name.ts'),
  ]);
  const bytes = await readInput(terminal, file, importedCsvBytesMax);
  const text = decodeUtf8(bytes);
  const rows = text === undefined ? undefined : parseCsv(text);
  if (rows?.ok !== true)
    throw new Failure('format', `${file}: ${rows === undefined ? 'is not UTF-8' : rows.error}`);
  const cells = rows.value.map(({ fields: [cell = ''] }) => cell.trim()).filter((cell) => cell !== '');
  // A heading is no device.
  return cells.filter((cell, at) => at > 0 || parseDeviceName(cell) !== undefined);
}

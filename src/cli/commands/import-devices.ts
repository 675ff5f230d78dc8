import type { ImportLine } from '../../node/import-devices.ts';
import { printable } from '../../base/text.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';
import { createProgress } from '../progress.ts';

interface ImportOptions {
  readonly model?: string;
  readonly pool?: string;
}

export const importDevicesCommand = defineCommand<ImportOptions>({
  name: 'import-devices',
  topic: 'Devices',
  summary: 'take devices over from a TFTP folder or a CSV file',
  description: [
    'From a folder: every SEP<MAC>.cnf.xml and ATA<MAC>.cnf.xml becomes a device. What is not understood is kept byte for byte and in order, ' +
      'and the file is served as it came until something about the device changes.',
    'From a CSV: one device per line; the first line names the columns name, model, protocol, and, as wanted, security, pool, load, line1, label1, …, set:ELEMENT/PATH.',
    'Each file comes in wholly or not at all, and says so in one line. Interrupted, the same call goes on where it stopped. Exits 1 when a file was refused.',
  ],
  arguments: [{ syntax: '<dir-or-csv>', description: 'a folder, or a CSV file' }],
  options: [
    {
      flags: '--model <MODEL>',
      description: 'model of the devices of a folder: their files do not say it',
      default: 'imported',
    },
    { flags: '--pool <POOL>', description: 'device pool of the devices of a folder (default: Default)' },
  ],
  examples: [
    {
      says: 'the folder of an old server',
      command: 'tftp-pki import-devices /var/lib/tftpboot --model CP-8851',
    },
    { says: 'a list', command: 'tftp-pki import-devices devices.csv' },
  ],
  async run(context, [path = ''], { model = 'imported', pool }) {
    const { output, terminal } = context;
    const [{ importDevices }, { constants, setPriority }] = await Promise.all([
      import('../../node/import-devices.ts'),
      import('node:os'),
    ]);
    // A server on the same machine goes first, always.
    setPriority(constants.priority.PRIORITY_LOW);
    const counts = { added: 0, same: 0, exists: 0, refused: 0 };
    const progress = await createProgress(terminal, 'devices');
    let stopped = false;
    terminal.onSignal('SIGINT', () => {
      stopped = true;
    });
    await withNode(context, (node) =>
      importDevices(node, {
        path,
        model,
        pool,
        onTotal: (total) => progress.start(total),
        onLine: (line) => {
          counts[line.outcome] += 1;
          progress.above(() => {
            if (output.json) output.jsonLine(line);
            else printLine(output, line);
          });
          progress.increment();
        },
        stopped: () => stopped,
      }),
    ).finally(() => progress.stop());
    output.note(
      `${counts.added} added, ${counts.same} known before, ${counts.exists} exist, ${counts.refused} refused`,
    );
    if (stopped) output.warn('interrupted: the same command goes on from here');
    return stopped || counts.exists + counts.refused > 0 ? 1 : 0;
  },
});

function printLine(output: Output, { source, outcome, reason }: ImportLine): void {
  output.line(`${outcome.padEnd(7)}  ${printable(source)}${reason === undefined ? '' : `: ${reason}`}`);
}

import { userInfo } from 'node:os';
import { defineCommand, type OptionDefinition } from '../command.ts';
import { confirm } from '../confirm.ts';
import { nodeOptions, withNode } from '../node.ts';
import {
  aftermathFacts,
  listFacts,
  printPlan,
  sayAftermath,
  trustOptions,
  type TrustOptions,
} from '../run-trust-operation.ts';
import { printStrand, strandFacts } from '../show-strand.ts';
import { aftermathOfRestore } from '../../core/trust/aftermath.ts';

interface BackupOptions {
  readonly backupPassphraseFile: string;
}

const passphraseOption: OptionDefinition = {
  flags: '--backup-passphrase-file <FILE>',
  description: 'file whose first line protects the backup',
  required: true,
};

export const backupCommand = defineCommand<BackupOptions>({
  name: 'backup',
  topic: 'Node',
  summary: "write the node's folder into one encrypted file",
  description: [
    'Configuration, keys, database and, where it stands in the folder, the passphrase of the keys. A server may run meanwhile. ' +
      'AES-256-GCM under PBKDF2, mode 0600; an existing file is not replaced. The provisioning directory is not in it.',
    'Whoever has the file and its passphrase has the cluster: keep them offline and apart.',
  ],
  arguments: [{ syntax: '<file>', description: 'the new file' }],
  options: [passphraseOption],
  examples: [
    {
      says: 'every night',
      command:
        'tftp-pki backup /backup/office-$(date +%F).sealed --backup-passphrase-file /root/backup.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [file = ''], { backupPassphraseFile }) {
    const [{ backupNode }, { readPassphraseFile }] = await Promise.all([
      import('../../node/backup-node.ts'),
      import('../../node/passphrase.ts'),
    ]);
    const passphrase = readPassphraseFile(backupPassphraseFile);
    await withNode(context, async (node) => {
      const { createdMs, ...facts } = await backupNode(node, { file, passphrase, by: userInfo().username });
      if (context.output.json)
        context.output.object({ file, created: new Date(createdMs).toISOString(), ...facts });
      else
        context.output.note(
          `cluster ${facts.cluster}, node ${facts.node}, ${facts.devices} devices, generation ${facts.generation}: ${facts.bytes} bytes in ${file}`,
        );
    });
    return 0;
  },
});

interface RestoreOptions extends BackupOptions, TrustOptions {}

export const restoreCommand = defineCommand<RestoreOptions>({
  name: 'restore',
  topic: 'Node',
  summary: 'make a node of a backup, continuing above what phones hold',
  description: [
    'Into a new folder, or in the place of the one that --data names: that one stays beside it under another name, and its database tells what phones hold. ' +
      'Timestamps and generations go on above it, and new lists are published after the planner found that phones take them.',
    'Where the old folder is lost, nobody knows what phones got since the backup: timestamps continue above the present time, and certificates that were renewed since are gone.',
  ],
  arguments: [{ syntax: '<file>', description: 'what backup wrote' }],
  options: [passphraseOption, ...trustOptions],
  examples: [
    {
      says: 'on a new machine',
      command: 'tftp-pki restore office.sealed --backup-passphrase-file backup.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [file = ''], { backupPassphraseFile, dryRun = false, yes = false, strand }) {
    const { output, terminal } = context;
    const [{ restoreNode }, { readPassphraseFile }] = await Promise.all([
      import('../../node/restore-node.ts'),
      import('../../node/passphrase.ts'),
    ]);
    const options = nodeOptions(context);
    let reviewed: Readonly<Record<string, unknown>> = {};
    let [devices, strands] = [0, false];
    const restored = await restoreNode(options, {
      file,
      passphrase: readPassphraseFile(backupPassphraseFile),
      by: userInfo().username,
      strand,
      onWarning: (message) => output.warn(message),
      dryRun,
      review(backup, planned) {
        const { cluster, node, createdMs } = backup;
        ({ devices } = backup);
        strands = planned.strand.stranded.length > 0;
        reviewed = { lists: listFacts(planned.publication), phones: strandFacts(planned) };
        const of = `cluster ${cluster}, node ${node}, ${devices} devices, of ${new Date(createdMs).toISOString()}`;
        output.note(`backup of ${of}`);
        if (output.json) return;
        printPlan(output, planned.publication);
        printStrand(output, planned, dryRun);
      },
      confirm: () => confirm(terminal, `Restore it to ${options.dataDir} and publish these lists?`, yes),
    });
    if (output.json)
      output.object({
        dryRun,
        generation: restored?.generation ?? null,
        movedTo: restored?.movedTo ?? null,
        ...reviewed,
        ...aftermathFacts(aftermathOfRestore),
      });
    if (restored === undefined) output.note('nothing was changed');
    else {
      output.note(`restored to ${options.dataDir}`);
      if (restored.movedTo !== undefined) output.note(`the old folder is ${restored.movedTo}`);
      sayAftermath(output, restored.generation, aftermathOfRestore, devices);
    }
    return dryRun && strands ? 1 : 0;
  },
});

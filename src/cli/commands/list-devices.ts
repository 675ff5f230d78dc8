import type { OpenNode } from '../../node/open-node.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { deviceFacts, linesText } from '../show-device.ts';

interface ListOptions {
  readonly refusing?: boolean;
  readonly unknown?: boolean;
}

export const listDevices = defineCommand<ListOptions>({
  name: 'list-devices',
  topic: 'Devices',
  summary: 'list the devices of the database',
  description: [
    'One device per line, in the order of their names.',
    '--refusing: those that showed once that they take configurations and now fetch them without showing it. --unknown: ' +
      'those that were heard and may hold trust lists of elsewhere. plan --recover says what leads them back.',
  ],
  options: [
    { flags: '--refusing', description: 'only phones that seem to refuse what they are given' },
    { flags: '--unknown', description: 'only phones of which nobody knows what lists they hold' },
  ],
  examples: [
    { says: 'a table', command: 'tftp-pki list-devices --data /var/lib/tftp-pki' },
    { says: 'the names alone', command: "tftp-pki list-devices --json | jq -r '.[].name'" },
  ],
  async run(context, _, { refusing = false, unknown = false }) {
    await withNode(context, async (node) => {
      const wanted = refusing || unknown ? await namesOfField(node, { refusing, unknown }) : undefined;
      const all = await node.store.listDevices();
      const devices = all.filter(({ name }) => wanted?.has(name) ?? true);
      const { output } = context;
      if (output.json) output.object(devices.map(deviceFacts));
      else if (devices.length === 0) output.note('no devices');
      else
        output.table(
          ['NAME', 'MODEL', 'PROTOCOL', 'SECURITY', 'LINES'],
          devices.map((device) => [
            device.name,
            device.model,
            device.protocol,
            device.security,
            linesText(device),
          ]),
        );
    });
    return 0;
  },
});

async function namesOfField(node: OpenNode, wanted: Required<ListOptions>): Promise<ReadonlySet<string>> {
  const [{ readField }, { isRefusing, isUnknown }] = await Promise.all([
    import('../../app/field.ts'),
    import('../../app/recover.ts'),
  ]);
  const field = await readField(node);
  const chosen = field.devices.filter(
    (device) => (wanted.refusing && isRefusing(device)) || (wanted.unknown && isUnknown(field, device)),
  );
  return new Set(chosen.map(({ name }) => name));
}

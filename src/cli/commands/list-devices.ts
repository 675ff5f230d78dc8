import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { deviceFacts, linesText } from '../show-device.ts';

export const listDevices = defineCommand({
  name: 'list-devices',
  topic: 'Devices',
  summary: 'list the devices of the database',
  description: ['One device per line, in the order of their names.'],
  examples: [
    { says: 'a table', command: 'tftp-pki list-devices --data /var/lib/tftp-pki' },
    { says: 'the names alone', command: "tftp-pki list-devices --json | jq -r '.[].name'" },
  ],
  async run(context) {
    await withNode(context, async ({ store }) => {
      const devices = await store.listDevices();
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

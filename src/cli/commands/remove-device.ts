import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

export const removeDeviceCommand = defineCommand({
  name: 'remove-device',
  topic: 'Devices',
  summary: 'remove a device from the database',
  description: [
    'Its configuration is served no longer, at once and by every node. Files stored under its name stay.',
  ],
  arguments: [{ syntax: '<name>', description: 'the device, as list-devices names it' }],
  examples: [
    { says: 'take a phone out', command: 'tftp-pki remove-device SEP001122334455 --data /var/lib/tftp-pki' },
  ],
  async run(context, [name = '']) {
    const { removeDevice } = await import('../../app/devices.ts');
    await withNode(context, async ({ store }) => {
      await removeDevice(store, name);
      if (context.output.json) context.output.object({ removed: name });
      else context.output.note(`removed ${name}`);
    });
    return 0;
  },
});

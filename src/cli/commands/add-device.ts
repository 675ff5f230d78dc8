import { Failure } from '../../base/errors.ts';
import type { DeviceLine, DeviceProtocol, DeviceSecurity } from '../../core/cluster/model.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { readPhoneCertificate } from '../phone-certificate.ts';
import { deviceFacts } from '../show-device.ts';
import { parseDeviceLine, parseOverride } from '../words.ts';

interface AddDeviceOptions {
  readonly model: string;
  readonly protocol: DeviceProtocol;
  readonly line?: readonly DeviceLine[];
  readonly security?: DeviceSecurity;
  readonly certificate?: string;
  readonly encryptedOnly?: boolean;
  readonly pool?: string;
  readonly load?: string;
  readonly set?: readonly (readonly [path: string, value: string])[];
}

export const addDeviceCommand = defineCommand<AddDeviceOptions>({
  name: 'add-device',
  topic: 'Devices',
  summary: 'add a phone or another device to the database',
  description: [
    "Adds a device; every node serves its files at once. The name is the device's own, as in SEP001122334455. " +
      'Refuses a name that exists.',
  ],
  arguments: [
    { syntax: '<name>', description: 'SEP and 12 hexadecimal digits of the MAC address, or ATA…, VGC…, AN…' },
  ],
  options: [
    {
      flags: '--model <MODEL>',
      description: 'the model as it calls itself, such as CP-8851',
      required: true,
    },
    {
      flags: '--protocol <PROTOCOL>',
      description: 'signalling',
      choices: ['SIP', 'SCCP', 'MGCP'],
      required: true,
    },
    {
      flags: '--line <N=EXT>',
      description: 'button N and its extension',
      many: true,
      parse: parseDeviceLine,
    },
    {
      flags: '--security <MODE>',
      description: 'device security mode',
      choices: ['none', 'authenticated', 'encrypted'],
      default: 'none',
    },
    {
      flags: '--certificate <PEM>',
      description: "the phone's certificate (MIC or LSC), RSA, to which its configuration is encrypted",
    },
    {
      flags: '--encrypted-only',
      description: 'its plain configuration never leaves: encrypted, or the stub that says so',
    },
    { flags: '--pool <POOL>', description: 'device pool (default: Default)' },
    { flags: '--load <LOAD>', description: "load id (default: the model's)" },
    {
      flags: '--set <PATH=TEXT>',
      description: 'text of one element, such as vendorConfig/webAccess=1',
      many: true,
      parse: parseOverride,
    },
  ],
  examples: [
    {
      says: 'a phone with one line',
      command:
        'tftp-pki add-device SEP001122334455 --model CP-8851 --protocol SIP --line 1=1001 --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [name = ''], options) {
    const { addDevice } = await import('../../app/devices.ts');
    const certificateDer = await readPhoneCertificate(context.terminal, options.certificate);
    const lines = options.line ?? [];
    const twice = lines.find(({ index }, at) => lines.findIndex((line) => line.index === index) !== at);
    if (twice !== undefined) throw new Failure('usage', `button ${twice.index} is given twice`);
    await withNode(context, async (node) => {
      const device = await addDevice(node, {
        name,
        model: options.model,
        protocol: options.protocol,
        security: options.security ?? 'none',
        lines,
        pool: options.pool,
        load: options.load,
        overrides: options.set && Object.fromEntries(options.set),
        ...(certificateDer && { certificateDer }),
        encryptedOnly: options.encryptedOnly,
      });
      if (context.output.json) context.output.object(deviceFacts(device));
      else context.output.note(`added ${device.name}`);
    });
    return 0;
  },
});

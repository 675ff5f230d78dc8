import type { DeviceLine, DeviceSecurity } from '../../core/cluster/model.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { readPhoneCertificate } from '../phone-certificate.ts';
import { deviceFacts } from '../show-device.ts';
import { parseDeviceLine, parseOverride } from '../words.ts';

interface ChangeOptions {
  readonly model?: string;
  readonly load?: string;
  readonly pool?: string;
  readonly security?: DeviceSecurity;
  readonly line?: readonly DeviceLine[];
  readonly set?: readonly (readonly [path: string, value: string])[];
  readonly unset?: readonly string[];
  readonly certificate?: string;
  readonly encryptedOnly?: 'on' | 'off';
}

export const changeDeviceCommand = defineCommand<ChangeOptions>({
  name: 'change-device',
  topic: 'Devices',
  summary: 'change what a device is built from: load, pool, lines, single elements',
  description: [
    'The new configuration is built, signed and served at once, with a new version stamp; the device reads it at its next boot (see reset-phones). ' +
      'Of an imported device the changed elements change and every other byte stays.',
  ],
  arguments: [{ syntax: '<name>', description: 'the device, as list-devices names it' }],
  options: [
    { flags: '--model <MODEL>', description: 'the model as it calls itself' },
    { flags: '--load <LOAD>', description: "load id; '' takes the model's again" },
    { flags: '--pool <POOL>', description: 'device pool' },
    {
      flags: '--security <MODE>',
      description: 'device security mode',
      choices: ['none', 'authenticated', 'encrypted'],
    },
    { flags: '--certificate <PEM>', description: "the phone's certificate (MIC or LSC), RSA" },
    {
      flags: '--encrypted-only <WORD>',
      description: 'on: its plain configuration never leaves, only the encrypted one and a stub',
      choices: ['on', 'off'],
    },
    {
      flags: '--line <N=EXT>',
      description: 'button N and its extension; those given replace all',
      many: true,
      parse: parseDeviceLine,
    },
    {
      flags: '--set <PATH=TEXT>',
      description: 'text of one element, such as vendorConfig/webAccess=1',
      many: true,
      parse: parseOverride,
    },
    { flags: '--unset <PATH>', description: 'takes such a text back', many: true },
  ],
  examples: [
    { says: 'another load', command: 'tftp-pki change-device SEP001122334455 --load sip88xx.14-2-1-0001-14' },
    {
      says: 'close its web page',
      command: 'tftp-pki change-device SEP001122334455 --set vendorConfig/webAccess=1',
    },
  ],
  async run(context, [name = ''], { line, set, certificate, encryptedOnly, ...change }) {
    const { changeDevice } = await import('../../app/devices.ts');
    const certificateDer = await readPhoneCertificate(context.terminal, certificate);
    await withNode(context, async (node) => {
      const device = await changeDevice(node, name, {
        ...change,
        lines: line,
        certificateDer,
        encryptedOnly: encryptedOnly === undefined ? undefined : encryptedOnly === 'on',
        set: Object.fromEntries(set ?? []),
      });
      if (context.output.json) context.output.object(deviceFacts(device));
      else {
        context.output.note(`changed ${device.name}`);
        context.output.hint('it reads its new configuration at its next boot: tftp-pki reset-phones');
      }
    });
    return 0;
  },
});

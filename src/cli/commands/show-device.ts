import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { Explanation } from '../../app/explain-file.ts';
import { defineCommand } from '../command.ts';
import { nodeOptions, withNode } from '../node.ts';
import { deviceFacts, linesText } from '../show-device.ts';

export const showDeviceCommand = defineCommand({
  name: 'show-device',
  topic: 'Devices',
  summary: 'show a device and what it would be served, by which signer, at which version',
  description: [
    "Prints the device's row and, for its signed and its plain configuration, who gives it: a file of the provisioning directory, or the builder with its version stamp. " +
      'explain prints the same link by link.',
  ],
  arguments: [{ syntax: '<name>', description: 'the device, as list-devices names it' }],
  examples: [{ says: 'one phone', command: 'tftp-pki show-device SEP001122334455 --data /var/lib/tftp-pki' }],
  async run(context, [asked = '']) {
    const { output, terminal } = context;
    const [{ parseDeviceName }, { explainFiles }] = await Promise.all([
      import('../../core/files/file-name.ts'),
      import('../../node/explain.ts'),
    ]);
    const name = parseDeviceName(asked) ?? asked;
    const device = await withNode(context, ({ store }) => store.findDevice(name));
    if (device === undefined) throw new Failure('not-found', `there is no device ${name}`);
    const served = await explainFiles(
      { node: nodeOptions(context), environment: terminal.env, device: name, onEvent: () => undefined },
      [`${name}.cnf.xml.sgn`, `${name}.cnf.xml`].map((file) => ({
        name: file,
        transport: 'tftp',
        address: '127.0.0.1',
      })),
    );
    const answers = served.map((explanation) => ({
      name: explanation.name,
      outcome: explanation.outcome,
      bytes: explanation.sizeBytes ?? null,
      from: lastVerdict(explanation, /^(?:device-config|local|alternate)/),
      signed: lastVerdict(explanation, /^signed/),
      version: /version ([0-9a-f-]{36})/.exec(lastVerdict(explanation, /^device-config/) ?? '')?.[1] ?? null,
      phone: explanation.judgement?.phone ?? null,
    }));
    if (output.json) output.object({ ...deviceFacts(device), served: answers });
    else {
      const { model, protocol, security, pool = 'Default', load = "(the model's)" } = device;
      output.line(output.style('bold', name));
      for (const [word, value] of Object.entries({
        model,
        protocol,
        security,
        pool,
        load,
        lines: linesText(device),
      }))
        output.line(`  ${word.padEnd(9)} ${printable(value)}`);
      for (const [path, value] of Object.entries(device.overrides ?? {}))
        output.line(`  set       ${printable(`${path}=${value}`)}`);
      for (const { name: file, outcome, bytes, from, signed, phone } of answers) {
        output.line(`${file}  ${outcome}${bytes === null ? '' : `, ${bytes} bytes`}`);
        if (from !== null) output.line(`  ${printable(from)}`);
        if (file.endsWith('.sgn') && signed !== null) output.line(`  signed ${printable(signed)}`);
        if (phone !== null) output.line(`  a phone that holds the current lists: ${phone}`);
      }
    }
    return answers.every(({ outcome }) => outcome === 'served') ? 0 : 1;
  },
});

function lastVerdict({ steps }: Explanation, link: RegExp): string | null {
  return steps.findLast((step) => link.test(step.link))?.verdict ?? null;
}

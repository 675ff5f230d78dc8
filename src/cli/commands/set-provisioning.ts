import { Failure } from '../../base/errors.ts';
import { decodeUtf8 } from '../../base/text.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { readInput } from '../read-input.ts';

export const showProvisioningCommand = defineCommand({
  name: 'show-provisioning',
  topic: 'Devices',
  summary: 'show what devices share: CallManager groups, pools, models and their loads',
  description: ['Prints YAML that set-provisioning takes back; --json prints the same as JSON.'],
  examples: [{ says: 'to edit it', command: 'tftp-pki show-provisioning > provisioning.yaml' }],
  async run(context) {
    const [{ readProvisioning }, { writeProvisioning }] = await Promise.all([
      import('../../app/provisioning.ts'),
      import('../../config/provisioning.ts'),
    ]);
    const provisioning = await withNode(context, ({ store }) => readProvisioning(store));
    if (context.output.json) context.output.object(provisioning);
    else context.output.bytes(Buffer.from(writeProvisioning(provisioning)));
    return 0;
  },
});

export const setProvisioningCommand = defineCommand({
  name: 'set-provisioning',
  topic: 'Devices',
  summary: 'replace CallManager groups, pools, models and policies of the builder',
  description: [
    'Takes the YAML that show-provisioning prints, checks it whole, and prints the devices that must be reset. ' +
      'Auto-registration (autoRegistration: true) gives unknown phones XMLDefault.cnf.xml; buildCnf is all, none or selective.',
  ],
  arguments: [{ syntax: '<file>', description: 'YAML, or - for stdin' }],
  examples: [{ says: 'after an edit', command: 'tftp-pki set-provisioning provisioning.yaml' }],
  async run(context, [file = '']) {
    const { output, terminal } = context;
    const [{ setProvisioning }, { parseProvisioning }] = await Promise.all([
      import('../../app/provisioning.ts'),
      import('../../config/provisioning.ts'),
    ]);
    const yaml = decodeUtf8(await readInput(terminal, file));
    if (yaml === undefined) throw new Failure('format', `${file} is not UTF-8`);
    const parsed = parseProvisioning(file, yaml);
    if (!parsed.ok) throw new Failure('config-invalid', parsed.error.join('\n'));
    const wanted = parsed.value;
    await withNode(context, async (node) => {
      const cluster = await node.store.readCluster();
      if (wanted.autoRegistration && cluster?.mode === 'mixed')
        output.warn('auto-registration in mixed mode: phones before CUCM 11.5 were refused it');
      const reset = await setProvisioning(node, wanted);
      if (output.json) output.object({ reset });
      else for (const name of reset) output.line(name);
      output.note(`${reset.length} devices to reset: tftp-pki reset-phones`);
    });
    return 0;
  },
});

import type { ClusterMode } from '../../core/cluster/model.ts';
import { defineCommand } from '../command.ts';
import { runTrustOperation, signedTrustOptions, type TrustOptions } from '../run-trust-operation.ts';

export const setModeCommand = defineCommand<TrustOptions>({
  name: 'set-mode',
  topic: 'Trust',
  summary: 'bring the cluster into mixed mode, or out of it',
  description: [
    'Mixed mode publishes a CTL beside the ITL. A phone never gives up a CTL by itself, so nonsecure mode goes on ' +
      'serving a signed one, which names its servers without certificates.',
  ],
  arguments: [{ syntax: '<mode>', description: 'the mode', choices: ['mixed', 'nonsecure'] }],
  options: signedTrustOptions,
  examples: [
    {
      says: 'as "utils ctl set-cluster mixed-mode"',
      command: 'tftp-pki set-mode mixed --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [mode], options) {
    const { setMode } = await import('../../app/update-lists.ts');
    return runTrustOperation(context, options, (node) => setMode(node, mode as ClusterMode));
  },
});

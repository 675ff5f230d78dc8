/** `update-itl` and `update-ctl`: a list made anew from the database, the other one carried over. */
import { defineCommand } from '../command.ts';
import { runTrustOperation, signedTrustOptions, type TrustOptions } from '../run-trust-operation.ts';

export const updateItlCommand = defineCommand<TrustOptions & { readonly rollback?: boolean }>({
  name: 'update-itl',
  topic: 'Trust',
  summary: 'publish a new ITL',
  description: [
    'Makes the ITL anew from the database and signs it with ITLRecovery. It is verified twice and judged as a phone ' +
      'that holds the current lists before it becomes current.',
    'With --rollback its TVS and TFTP parts are empty ("prepare for rollback"): phones that hold no CTL then take ' +
      'unsigned files and any ITL. The same command without --rollback undoes it. It does not empty a CTL, so it does ' +
      'not free phones in mixed mode.',
  ],
  options: [
    { flags: '--rollback', description: 'an ITL without TVS and TFTP records' },
    ...signedTrustOptions,
  ],
  examples: [
    { says: 'what would change', command: 'tftp-pki update-itl --dry-run --data /var/lib/tftp-pki' },
    {
      says: 'let phones go to another cluster',
      command: 'tftp-pki update-itl --rollback --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { updateItl } = await import('../../app/update-lists.ts');
    const rollback = options.rollback ?? false;
    return runTrustOperation(context, options, (node) => updateItl(node, { rollback }));
  },
});

export const updateCtlCommand = defineCommand<TrustOptions>({
  name: 'update-ctl',
  topic: 'Trust',
  summary: 'publish a new CTL, as "utils ctl update CTLFile"',
  description: [
    'Makes the CTL anew from the database, foreign signers of phone-sast-trust included, and signs it with ITLRecovery.',
    'Refuses a cluster that publishes no CTL: that is "set-mode mixed".',
  ],
  options: signedTrustOptions,
  examples: [{ says: 'without a question', command: 'tftp-pki update-ctl --yes --data /var/lib/tftp-pki' }],
  async run(context, _, options) {
    const { updateCtl } = await import('../../app/update-lists.ts');
    return runTrustOperation(context, options, updateCtl);
  },
});

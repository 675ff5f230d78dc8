import type { HashName } from '../../wire/algorithm.ts';
import { defineCommand } from '../command.ts';
import { runTrustOperation, signedTrustOptions, type TrustOptions } from '../run-trust-operation.ts';

export const setHashCommand = defineCommand<TrustOptions>({
  name: 'set-hash',
  topic: 'Trust',
  summary: 'sign lists and configurations with another hash',
  description: [
    'Publishes every list anew under the same keys, and signs every file anew under a later timestamp. All nodes follow.',
    'Every phone reads SHA-1; some models, or their loads, read no SHA-512 and would take nothing any more. Which of yours ' +
      'do is in no public source: name the models that you have seen to read it under risk.sha512Models in tftp-pki.yaml. ' +
      'Every other phone is counted as stranded and the change is refused, unless --strand names their number.',
  ],
  arguments: [{ syntax: '<hash>', description: 'the hash', choices: ['sha1', 'sha512'] }],
  options: signedTrustOptions,
  examples: [
    {
      says: 'which phones stand in the way',
      command: 'tftp-pki set-hash sha512 --dry-run --data /var/lib/tftp-pki',
    },
    { says: 'back to what every phone reads', command: 'tftp-pki set-hash sha1 --data /var/lib/tftp-pki' },
  ],
  async run(context, [hash], options) {
    const { setHash } = await import('../../app/update-lists.ts');
    return runTrustOperation(context, options, (node) => setHash(node, hash as HashName));
  },
});

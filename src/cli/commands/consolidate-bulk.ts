import { hostname, userInfo } from 'node:os';
import type { Acceptance, RefusedSource } from '../../app/bulk-peers.ts';
import { printable } from '../../base/text.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';
import {
  acceptOption,
  bundlePassphrase,
  shareForm,
  shareOptions,
  withShare,
  type ShareOptions,
} from '../share-options.ts';

interface ConsolidateOptions extends ShareOptions {
  readonly at: string;
  readonly accept?: readonly Acceptance[];
}

export const consolidateBulkCommand = defineCommand<ConsolidateOptions>({
  name: 'consolidate-bulk',
  topic: 'Certificates',
  summary: 'merge the exports of all clusters into one file for all of them; one cluster does it',
  description: [
    'Verifies every export and reports what came, what was renewed, what has expired, and names that mean two keys. A ' +
      'cluster that is not believed is left out, named, and the exit status is 1; the others are merged all the same.',
    'A manifest signed by itself proves nothing: a new cluster, and a new ITLRecovery of a known one, needs --accept with ' +
      'the fingerprint that its people told you. It is remembered. From then on its export counter never goes back.',
    shareForm,
  ],
  options: [
    { flags: '--at <SHARE>', description: 'the share', required: true },
    acceptOption,
    ...shareOptions,
  ],
  examples: [
    {
      says: 'the first time, with a cluster that was asked for its fingerprint',
      command: `tftp-pki consolidate-bulk --at /mnt/exchange --accept beta=SHA256:${'ab'.repeat(32)} --data /var/lib/tftp-pki`,
    },
    { says: 'later', command: 'tftp-pki consolidate-bulk --at /mnt/exchange --data /var/lib/tftp-pki' },
  ],
  async run(context, _, options) {
    const { consolidateBulk } = await import('../../app/consolidate-bulk.ts');
    const { output } = context;
    return withNode(context, async (node) => {
      const request = {
        accepted: options.accept ?? [],
        passphrase: await bundlePassphrase(options),
        by: userInfo().username,
        host: hostname(),
      };
      const { clusters, lines, refused, changed } = await withShare(
        context,
        node,
        options.at,
        options,
        'files',
        (share, onStep) => consolidateBulk(node, share, { ...request, onStep }),
      );
      if (output.json) output.object({ clusters, changes: lines, refused, changed });
      else
        output.table(
          ['CHANGE', 'CLUSTER', 'NODE', 'TYPE', 'SHA-256', 'SUBJECT'],
          lines.map(({ change, cluster, node: name, type, fingerprint, subject, detail }) => [
            change,
            cluster,
            name === '' ? '(cluster)' : name,
            type,
            fingerprint.slice(0, 16),
            detail === undefined ? printable(subject) : `${printable(subject)}: ${detail}`,
          ]),
        );
      sayRefused(output, refused);
      const names = clusters.map(({ cluster, counter }) => `${cluster} (export ${counter})`).join(', ');
      output.note(`${changed ? 'merged' : 'merged before'}: ${names}`);
      output.hint('every cluster runs import-bulk now');
      return refused.length === 0 ? 0 : 1;
    });
  },
});

/** One line and the next step for each. */
export function sayRefused(output: Output, refused: readonly RefusedSource[]): void {
  for (const { cluster, reason, hint } of refused) {
    output.error(`${cluster} is left out: ${printable(reason)}`);
    output.hint(printable(hint));
  }
}

import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

export const drillRecoveryCommand = defineCommand({
  name: 'drill-recovery',
  topic: 'Trust',
  summary: 'sign lists with the second signer and have a phone judge them, without publishing',
  description: [
    "ITLRecovery signs the lists; this node's CallManager key stands in them as the second signer, for the day on which " +
      'ITLRecovery is lost (reset-itl localkey). The drill opens that key, signs the lists of today with it and judges ' +
      'them as a phone that holds the current ones, and by the second verifier. Nothing is published.',
    'Of several nodes each has such a key, in its own lists: the drill is of the node that it runs on.',
    'Exits 1 when a phone would not follow.',
  ],
  examples: [{ says: 'once a month', command: 'tftp-pki drill-recovery --data /var/lib/tftp-pki' }],
  async run(context) {
    const { output } = context;
    const { drillRecovery } = await import('../../app/drill-recovery.ts');
    return withNode(context, async (node) => {
      const drilled = await drillRecovery(node);
      if (output.json) output.object(drilled);
      else
        for (const { kind, signer, bytes, accepted, reason } of drilled) {
          output.line(
            `${kind.toUpperCase()} by ${signer}, ${bytes} bytes: ${accepted ? 'accepted' : 'refused'}`,
          );
          output.line(`  ${reason}`);
        }
      output.note('nothing was published');
      return drilled.every(({ accepted }) => accepted) ? 0 : 1;
    });
  },
});

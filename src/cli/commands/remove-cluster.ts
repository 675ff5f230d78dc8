import { userInfo } from 'node:os';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

export const removeClusterCommand = defineCommand({
  name: 'remove-cluster',
  topic: 'Clusters',
  summary: 'stand no longer in front of a remote cluster',
  description: [
    'Its phones that go on asking here are answered as nobody’s; its pin and evidence are forgotten.',
  ],
  arguments: [{ syntax: '<id>', description: 'the cluster, as list-clusters names it' }],
  examples: [
    { says: 'take a cluster out', command: 'tftp-pki remove-cluster branch --data /var/lib/tftp-pki' },
  ],
  async run(context, [id = '']) {
    const { removeCluster } = await import('../../app/remote-clusters.ts');
    await withNode(context, async (node) => {
      await removeCluster(node, id, userInfo().username);
      if (context.output.json) context.output.object({ removed: id });
      else context.output.note(`removed ${id}`);
    });
    return 0;
  },
});

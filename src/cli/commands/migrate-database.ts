import { parseDatabaseUrl } from '../words.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { createSteps } from '../progress.ts';

export const migrateDatabaseCommand = defineCommand({
  name: 'migrate-database',
  topic: 'Node',
  summary: 'move the database of this folder to PostgreSQL',
  description: [
    'Copies every row into an empty PostgreSQL in one transaction, reads all of it back and compares, table by table, ' +
      'before it counts; then names the database in tftp-pki.yaml. Whatever goes wrong before leaves the folder as it was.',
    'database.sqlite stays in the folder and is not read any more. Going back to it later would hand out timestamps that phones refuse: restore a backup instead.',
  ],
  arguments: [{ syntax: '<url>', description: 'the PostgreSQL, empty' }],
  examples: [
    {
      says: 'to the server that the nodes will share',
      command: 'tftp-pki migrate-database postgres://tftp@db.example.net/tftp --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [word = '']) {
    const url = parseDatabaseUrl(word);
    const { output } = context;
    const { moveNode } = await import('../../node/move-node.ts');
    const steps = await createSteps(context.terminal, 'rows');
    try {
      const moved = await withNode(context, (node) => moveNode(node, { url, onProgress: steps.step }));
      steps.stop();
      const rows = moved.tables.reduce((sum, table) => sum + table.rows, 0);
      if (output.json) output.object({ ...moved, rows });
      else
        output.table(
          ['TABLE', 'ROWS', 'SHA-256'],
          moved.tables.map(({ table, rows: count, sha256 }) => [table, String(count), sha256.slice(0, 16)]),
        );
      output.note(
        `${rows} rows of the cluster ${moved.cluster}, read back and equal; tftp-pki.yaml names the database`,
      );
      output.hint(`tftp-pki serve; then move ${moved.left} away, with the next backup of the folder`);
    } finally {
      steps.stop();
    }
    return 0;
  },
});

import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';

export const reloadServer = defineCommand({
  name: 'reload',
  topic: 'Node',
  summary: 'have the running server read its configuration again',
  description: [
    'Asks the server that runs on the data folder, as SIGHUP does, and waits for its word. A broken configuration ' +
      'exits 3 and the old one stays in force; no transfer is interrupted.',
    'Addresses, ports and the engine stay what they are until the next start; the server names them in its log.',
  ],
  examples: [{ says: 'after an edit of tftp-pki.yaml', command: 'tftp-pki reload --data /var/lib/tftp-pki' }],
  async run(context) {
    const { output } = context;
    const { dataDir } = nodeOptions(context);
    const [{ askForReload }, { openDataFolder }] = await Promise.all([
      import('../../node/run-file.ts'),
      import('../../store/data-folder.ts'),
    ]);
    await askForReload(openDataFolder(dataDir));
    if (output.json) output.object({ reloaded: true });
    else output.note('the configuration was read again');
    return 0;
  },
});

/** `join-node`, `remove-node` and `rename-node`: a cluster of several nodes on one PostgreSQL. */
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';
import { existingFolder } from '../read-input.ts';
import { readRecoveryKey } from '../recovery-key.ts';
import {
  runTrustOperation,
  signedTrustOptions,
  trustOptions,
  type TrustOptions,
} from '../run-trust-operation.ts';
import { parseDatabaseUrl } from '../words.ts';

interface JoinOptions extends TrustOptions {
  readonly database: string;
  readonly node?: string;
  readonly files?: string;
  readonly key?: string;
  readonly keyPassphraseFile?: string;
}

export const joinNodeCommand = defineCommand<JoinOptions>({
  name: 'join-node',
  topic: 'Node',
  summary: 'make this folder another node of a cluster on PostgreSQL',
  description: [
    'Makes the keys of the node in the folder named by --data, and publishes lists that name it in the ITL and CTL of ' +
      'every node. Phones take them from the nodes they know, and then this node as well.',
    'The lists are signed by ITLRecovery: export-recovery on the first node writes its key. It is not kept here.',
  ],
  options: [
    {
      flags: '--database <URL>',
      description: 'the PostgreSQL of the cluster',
      required: true,
      parse: parseDatabaseUrl,
    },
    {
      flags: '--node <NAME>',
      description: "this node's host name as phones see it (default: the machine's)",
    },
    { flags: '--files <DIR>', description: 'the provisioning directory whose files are served' },
    { flags: '--key <P12>', description: 'PKCS#12 with the ITLRecovery key', required: true },
    {
      flags: '--key-passphrase-file <FILE>',
      description: 'file whose first line opens the PKCS#12',
      required: true,
    },
    ...trustOptions,
  ],
  examples: [
    {
      says: 'a second node',
      command:
        'tftp-pki join-node --node tftp-b --database postgres://tftp@db.example.net/tftp --files /srv/tftp --key recovery.p12 --key-passphrase-file recovery.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const named = nodeOptions(context);
    const nodeName = options.node ?? hostname();
    const filesRoot =
      options.files === undefined ? undefined : await existingFolder(options.files, '--files');
    const recovery = await readRecoveryKey(context, options.key, options.keyPassphraseFile);
    const [{ joinNode }, { withNewNode }] = await Promise.all([
      import('../../app/change-nodes.ts'),
      import('../../node/open-node.ts'),
    ]);
    // A dry run makes its keys where they are thrown away.
    const scratch = options.dryRun === true ? await mkdtemp(join(tmpdir(), 'tftp-pki-join-')) : undefined;
    try {
      return await runTrustOperation(
        context,
        options,
        (node, by) => joinNode(node, { nodeName, recovery, by }),
        (work) =>
          withNewNode(
            scratch === undefined ? named : { ...named, dataDir: scratch },
            { filesRoot, database: options.database, node: nodeName },
            work,
          ),
      );
    } finally {
      if (scratch !== undefined) await rm(scratch, { recursive: true });
    }
  },
});

export const removeNodeCommand = defineCommand<TrustOptions>({
  name: 'remove-node',
  topic: 'Node',
  summary: 'take a node out of the cluster',
  description: [
    'Publishes lists without the node and retires its certificates. Run it on a node that stays, where the ITLRecovery key ' +
      'lies or is given, when option 150 names the node no more.',
  ],
  arguments: [{ syntax: '<name>', description: 'the node, as status names it' }],
  options: signedTrustOptions,
  examples: [
    { says: 'a node that is given up', command: 'tftp-pki remove-node tftp-b --data /var/lib/tftp-pki' },
  ],
  async run(context, [name = ''], options) {
    const { removeNode } = await import('../../app/change-nodes.ts');
    return runTrustOperation(context, options, (node) => removeNode(node, name));
  },
});

export const renameNodeCommand = defineCommand<TrustOptions>({
  name: 'rename-node',
  topic: 'Node',
  summary: 'let phones know this node by another host name',
  description: [
    'Publishes lists in which the records of this node name the new host, under the same keys: every phone takes them, and ' +
      'every path stays. Configurations that name the CallManager nodes name the new host too.',
    'The certificates go on naming the old host until they are renewed, one at a time: callmanager --guided, then tftp-ec, ' +
      'then tvs; status says which is next. Database and folder go on calling the node by the name it was made with.',
    'Refused while one of them is between the steps of a renewal, and for a node of another folder: there a node joins ' +
      'under the new name, and the old one leaves.',
  ],
  arguments: [
    { syntax: '<old>', description: 'this node, by its name or by the host name that phones know' },
    { syntax: '<new>', description: 'the host name as phones will see it' },
  ],
  options: trustOptions,
  examples: [
    {
      says: 'the same node, in another domain',
      command: 'tftp-pki rename-node tftp-a tftp-a.example.net --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [from = '', to = ''], options) {
    const { renameNode } = await import('../../app/rename-node.ts');
    return runTrustOperation(context, options, (node) => renameNode(node, { from, to }));
  },
});

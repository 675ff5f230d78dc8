import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { NewConfig } from '../../config/new-config.ts';
import type { ClusterMode } from '../../core/cluster/model.ts';
import type { HashName } from '../../wire/algorithm.ts';
import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';
import { existingFolder } from '../read-input.ts';
import { parseDatabaseUrl } from '../words.ts';

interface InitOptions {
  readonly cluster: string;
  readonly node?: string;
  readonly mode?: ClusterMode;
  readonly hash?: HashName;
  readonly files?: string;
  readonly database?: string;
  readonly token?: string;
  readonly tokenModule?: string;
  readonly tokenPinFile?: string;
}

export const initClusterCommand = defineCommand<InitOptions>({
  name: 'init',
  topic: 'Node',
  summary: 'make a cluster: its keys, certificates and first trust lists',
  description: [
    'Writes the folder named by --data (0700): encrypted keys, the database, and tftp-pki.yaml to edit. ' +
      'What an interrupted init left is finished by the same command; a folder that holds a cluster is refused.',
    'Without --passphrase-file a random passphrase is written into the folder. ' +
      'It then protects only copies of the keys, not the folder itself.',
  ],
  options: [
    {
      flags: '--cluster <ID>',
      description: 'cluster id: up to 50 letters, digits, dots and hyphens',
      required: true,
    },
    {
      flags: '--node <NAME>',
      description: "this node's host name as phones see it (default: the machine's)",
    },
    {
      flags: '--mode <MODE>',
      description: 'mixed publishes a CTL beside the ITL',
      choices: ['mixed', 'nonsecure'],
      default: 'mixed',
    },
    {
      flags: '--hash <HASH>',
      description: 'hash of the signatures; every phone takes sha1, some models no other',
      choices: ['sha1', 'sha512'],
      default: 'sha1',
    },
    { flags: '--files <DIR>', description: 'the provisioning directory whose files are served' },
    {
      flags: '--database <URL>',
      description: 'an empty PostgreSQL for a cluster of several nodes (default: a file in the folder)',
      parse: parseDatabaseUrl,
    },
    {
      flags: '--token <LABEL>',
      description: 'make the keys that sign in this PKCS#11 token; with --token-module and --token-pin-file',
    },
    { flags: '--token-module <FILE>', description: "the token's PKCS#11 library" },
    { flags: '--token-pin-file <FILE>', description: "file whose first line is the PIN of the token's user" },
  ],
  examples: [
    {
      says: 'a cluster in mixed mode that serves /srv/tftp',
      command:
        'tftp-pki init --cluster lab --node tftp.example.net --files /srv/tftp --data /var/lib/tftp-pki',
    },
    {
      says: 'with a passphrase that is kept elsewhere',
      command:
        'tftp-pki init --cluster lab --passphrase-file /etc/tftp-pki/passphrase --data /var/lib/tftp-pki',
    },
    {
      says: 'the first of several nodes on one PostgreSQL',
      command:
        'tftp-pki init --cluster lab --database postgres://tftp@db.example.net/tftp --data /var/lib/tftp-pki',
    },
    {
      says: 'with the signing keys in a token',
      command:
        'tftp-pki init --cluster lab --token phones --token-module /usr/lib/softhsm/libsofthsm2.so --token-pin-file /etc/tftp-pki/pin --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { output, global } = context;
    const node = nodeOptions(context);
    const pkcs11 = tokenOf(options);
    const { createNode } = await import('../../node/open-node.ts');
    const { cluster, generation } = await createNode(node, {
      clusterId: options.cluster,
      nodeName: options.node ?? hostname(),
      mode: options.mode ?? 'mixed',
      hash: options.hash ?? 'sha1',
      by: userInfo().username,
      filesRoot: options.files === undefined ? undefined : await existingFolder(options.files, '--files'),
      database: options.database,
      // One database for several: which of them this folder is must be said.
      node: options.database === undefined ? undefined : (options.node ?? hostname()),
      pkcs11,
    });
    if (output.json)
      output.object({ cluster: cluster.id, mode: cluster.mode, generation, data: resolve(node.dataDir) });
    else
      output.note(
        `cluster ${cluster.id} is in ${resolve(node.dataDir)}; its first lists are generation ${generation}`,
      );
    if (global.passphraseFile === undefined)
      output.warn(
        'a random passphrase stands in the folder beside the keys: it protects only copies of the keys',
      );
    else output.hint('keep the passphrase: without it the keys are lost');
    output.hint(`tftp-pki serve --data ${node.dataDir}`);
    return 0;
  },
});

/** The three belong together. */
function tokenOf({ token, tokenModule, tokenPinFile }: InitOptions): NewConfig['pkcs11'] {
  if (token === undefined && tokenModule === undefined && tokenPinFile === undefined) return undefined;
  if (token === undefined || tokenModule === undefined || tokenPinFile === undefined)
    throw new Failure('usage', '--token, --token-module and --token-pin-file go together', {
      hint: 'softhsm2-util --show-slots names the labels of SoftHSM; other tokens have tools of their own.',
    });
  return { token, module: tokenModule, pinFile: resolve(tokenPinFile) };
}

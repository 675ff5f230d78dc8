import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { Failure } from '../../base/errors.ts';
import type { RemoteCommon, RemoteEndpoint, RemoteServer, RemoteVerify } from '../../core/cluster/remote.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { parseEndpoint, parseFingerprint } from '../words.ts';

interface AddClusterOptions {
  readonly tftp: readonly RemoteEndpoint[];
  readonly http?: readonly RemoteEndpoint[];
  readonly tvs?: readonly RemoteEndpoint[];
  readonly tftpOnly?: boolean;
  readonly secure?: boolean;
  readonly pin?: string;
  readonly common?: RemoteCommon;
  readonly verify?: RemoteVerify;
  readonly asks?: readonly string[];
}

export const addClusterCommand = defineCommand<AddClusterOptions>({
  name: 'add-cluster',
  topic: 'Clusters',
  summary: 'stand in front of a remote cluster: its phones may ask this node',
  description: [
    'A phone of the remote cluster gets from here what its own cluster has, with the signature that it knows. ' +
      'HTTP is asked first, on port 6970 of each TFTP address unless --http names others in the same order.',
    'With --pin, the fingerprint of its ITLRecovery or list signer, files that a phone there would refuse are not passed on. ' +
      'Without it probe-cluster shows the fingerprint and asks.',
    'Refused: an address of this node, and clusters that would ask each other in a loop.',
  ],
  arguments: [{ syntax: '<id>', description: 'the cluster id, as its administrator calls it' }],
  options: [
    {
      flags: '--tftp <ADDR:PORT>',
      description: 'a TFTP server of it, 1 to 3 times; port 69 unless named',
      many: true,
      required: true,
      parse: (word) => parseServer(word, 69),
    },
    {
      flags: '--http <ADDR:PORT>',
      description: 'the HTTP service of the server named at the same place',
      many: true,
      parse: (word) => parseServer(word, 6970),
    },
    {
      flags: '--tvs <ADDR:PORT>',
      description: 'the TVS of the server named at the same place (default: port 2445 of its address)',
      many: true,
      parse: (word) => parseServer(word, 2445),
    },
    { flags: '--tftp-only', description: 'its servers speak no HTTP' },
    { flags: '--secure', description: 'its phones ask for signed files' },
    {
      flags: '--pin <SHA256:…>',
      description: 'fingerprint of the certificate that signs its trust lists',
      parse: parseFingerprint,
    },
    {
      flags: '--common <WHOSE>',
      description:
        'rings, locales and pictures: auto is home first, local is ours first where its phones accept ours',
      choices: ['auto', 'local'],
      default: 'auto',
    },
    {
      flags: '--verify <HOW>',
      description: 'what its phones would refuse is told, or not passed on (default: enforce when pinned)',
      choices: ['observe', 'enforce'],
    },
    { flags: '--asks <ID>', description: 'a cluster that it asks itself, as a proxy', many: true },
  ],
  examples: [
    {
      says: 'a mixed-mode cluster with two TFTP servers',
      command:
        'tftp-pki add-cluster branch --tftp 10.2.0.10 --tftp 10.2.0.11 --secure --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [id = ''], options) {
    const [{ addCluster }, { ownAddresses }] = await Promise.all([
      import('../../app/remote-clusters.ts'),
      import('../../node/own-addresses.ts'),
    ]);
    await withNode(context, async (node) => {
      const isOurs = ownAddresses(node.folder.configFile, context.terminal.env);
      const remote = {
        id,
        servers: serversOf(options),
        secure: options.secure === true,
        pin: options.pin,
        common: options.common ?? 'auto',
        verify: options.verify,
        asks: options.asks ?? [],
      };
      const warnings = await addCluster(node, { remote, isOurs, by: userInfo().username });
      const { output } = context;
      if (output.json) output.object({ added: id, servers: remote.servers, warnings });
      else output.note(`added ${id}`);
      for (const warning of warnings) output.warn(warning);
      output.hint(`tftp-pki probe-cluster ${id} says what its phones do with our files`);
    });
    return 0;
  },
});

function serversOf({ tftp, http = [], tvs = [], tftpOnly }: AddClusterOptions): readonly RemoteServer[] {
  if (tftp.length > 3) throw new Failure('usage', 'a cluster has 1 to 3 TFTP servers here');
  if (http.length > tftp.length || tvs.length > tftp.length)
    throw new Failure(
      'usage',
      '--http and --tvs belong to the --tftp at the same place, and there are more of them',
    );
  if (tftpOnly === true && http.length > 0)
    throw new Failure('usage', '--tftp-only and --http exclude each other');
  return tftp.map((endpoint, at) => ({
    tftp: endpoint,
    http: tftpOnly === true ? undefined : (http[at] ?? { address: endpoint.address, port: 6970 }),
    tvs: tvs[at] ?? { address: endpoint.address, port: 2445 },
  }));
}

function parseServer(word: string, portDefault: number): RemoteEndpoint {
  const { host, port } = parseEndpoint(word, portDefault);
  if (isIP(host) === 0 || port === 0)
    throw new Failure('usage', `'${word}' is not an address and a port`, {
      hint: 'An address by number: what is asked must not depend on a resolver.',
    });
  return { address: host, port };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { printable, decodeLatin1 } from '../../base/text.ts';
import { trustListBytesMax } from '../../base/limits.ts';
import type { AdoptResult } from '../../app/adopt-cluster.ts';
import type { PlannedStep } from '../../app/plan-steps.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { NodeOptions } from '../../node/open-node.ts';
import { nodeOptions } from '../node.ts';
import { existingFolder, readInput } from '../read-input.ts';
import { aftermathFacts, listFacts, printPlan, sayAftermath } from '../run-trust-operation.ts';
import { printPairs, printSteps } from '../show-strand.ts';
import { aftermathOfAdoption } from '../../core/trust/aftermath.ts';

interface AdoptOptions {
  readonly sast: readonly string[];
  readonly callmanager?: string;
  readonly itl: string;
  readonly ctl?: string;
  readonly cluster?: string;
  readonly node?: string;
  readonly files?: string;
  readonly keyPassphraseFile?: string;
  readonly dryRun?: boolean;
}

export const adoptClusterCommand = defineCommand<AdoptOptions>({
  name: 'adopt',
  topic: 'Node',
  summary: 'take over phones that hold lists of another product',
  description: [
    'The lists that phones hold become generation 0 and the given keys those of this folder; missing keys are made, and ' +
      'generation 1 is published, which these phones accept. Each PEM holds a certificate and its private key.',
    'Where none of the given keys is a signer that phones take the next list from, nothing is written, and the ' +
      'certificates that have to be loaded first are named; and where phones with one of the lists, or both, would find ' +
      'the signer of their configuration is led through a boot before anything is published.',
  ],
  options: [
    {
      flags: '--sast <PEM>',
      description: 'key and certificate of a signer of the lists (ITLRecovery, CallManager)',
      many: true,
      required: true,
    },
    { flags: '--callmanager <PEM>', description: 'key and certificate that sign files, when no --sast does' },
    { flags: '--itl <FILE>', description: 'the ITL that phones hold', required: true },
    { flags: '--ctl <FILE>', description: 'the CTL that phones hold' },
    { flags: '--cluster <ID>', description: "cluster id (default: the node's name)" },
    {
      flags: '--node <NAME>',
      description: "this node's host name (default: that of the CallManager certificate)",
    },
    { flags: '--files <DIR>', description: 'the provisioning directory whose files are served' },
    { flags: '--key-passphrase-file <FILE>', description: 'file whose first line opens the given keys' },
    { flags: '--dry-run', description: 'adopt in a folder that is thrown away, and print what would change' },
  ],
  examples: [
    {
      says: 'from the files of an open tool',
      command:
        'tftp-pki adopt --sast itlrecovery.pem --callmanager callmanager.pem --itl ITLFile.tlv --ctl CTLFile.tlv --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { output } = context;
    const named = options.dryRun === true ? undefined : nodeOptions(context);
    const scratch = named === undefined ? await mkdtemp(join(tmpdir(), 'tftp-pki-adopt-')) : undefined;
    try {
      const node = named ?? { dataDir: scratch ?? '', passphraseFile: undefined };
      const adopted = await adopt(context, options, node);
      if (output.json) output.object(adoptedFacts(adopted, scratch !== undefined));
      else {
        printPlan(output, adopted.planned);
        printPairs(output, adopted.pairs);
        if (scratch !== undefined) printSteps(output, stepsOfAdoption);
      }
      for (const warning of adopted.warnings) output.warn(printable(warning));
      if (scratch !== undefined) output.note('nothing was changed');
      else {
        output.note(
          `cluster ${adopted.cluster.id} is in ${resolve(node.dataDir)}; what phones hold is generation 0`,
        );
        sayAftermath(output, adopted.generation, aftermathOfAdoption, 0);
      }
    } finally {
      if (scratch !== undefined) await rm(scratch, { recursive: true });
    }
    return 0;
  },
});

/** Every pair was led through a boot, so the order is that of taking over. */
const stepsOfAdoption: readonly PlannedStep[] = [
  { command: 'tftp-pki adopt', when: 'now', stranded: 0 },
  { command: 'tftp-pki import-devices', when: 'then: phones are counted from here on', stranded: null },
  { command: 'tftp-pki reset-phones --behind', when: 'when option 150 names this server', stranded: 0 },
];

async function adopt(
  { terminal }: CommandContext,
  options: AdoptOptions,
  node: NodeOptions,
): Promise<AdoptResult> {
  const [{ adoptNode }, { readPassphraseFile }] = await Promise.all([
    import('../../node/adopt-node.ts'),
    import('../../node/passphrase.ts'),
  ]);
  const pem = async (file: string): Promise<string> => decodeLatin1(await readInput(terminal, file));
  const list = (file: string): Promise<Uint8Array> => readInput(terminal, file, trustListBytesMax);
  const { sast, callmanager, itl, ctl, cluster, node: nodeName, files, keyPassphraseFile } = options;
  return adoptNode(node, {
    clusterId: cluster,
    nodeName,
    itl: await list(itl),
    ctl: ctl === undefined ? undefined : await list(ctl),
    sastPems: await Promise.all(sast.map(pem)),
    callmanagerPem: callmanager === undefined ? undefined : await pem(callmanager),
    keyPassphrase: keyPassphraseFile === undefined ? undefined : readPassphraseFile(keyPassphraseFile),
    filesRoot: files === undefined ? undefined : await existingFolder(files, '--files'),
    by: userInfo().username,
  });
}

function adoptedFacts(
  { cluster, nodeName, generation, planned, pairs, issued, warnings }: AdoptResult,
  dryRun: boolean,
): Readonly<Record<string, unknown>> {
  return {
    cluster: cluster.id,
    mode: cluster.mode,
    node: nodeName,
    dryRun,
    generation: dryRun ? null : generation,
    lists: listFacts(planned),
    pairs: pairs.map(({ ctl, itl, after }) => ({ ctl, itl, after })),
    issued,
    warnings,
    steps: stepsOfAdoption,
    ...aftermathFacts(aftermathOfAdoption),
  };
}

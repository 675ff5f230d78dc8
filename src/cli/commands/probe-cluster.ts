import { userInfo } from 'node:os';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { RemoteCluster } from '../../core/cluster/remote.ts';
import type { ServerProbe } from '../../core/cluster/server-probe.ts';
import type { OpenNode } from '../../node/open-node.ts';
import type { RemoteLists } from '../../node/remote-lists.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { confirm, yesOption } from '../confirm.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';

interface ProbeOptions {
  readonly repin?: boolean;
  readonly yes?: boolean;
}

export const probeClusterCommand = defineCommand<ProbeOptions>({
  name: 'probe-cluster',
  topic: 'Clusters',
  summary: "fetch a remote cluster's trust lists, check them, and say what its phones do with our files",
  description: [
    'Asks each server for its ITL and CTL and its TVS for our signer, as a phone would, and keeps what they say as evidence. ' +
      'Without a pin the fingerprint of the list signer is shown and the question asked whether it is the right one.',
    'A new list that a phone holding the last one would not take freezes the server. --repin looks at the lists afresh: ' +
      'compare the fingerprint with its owner before.',
    'Exits 0 when the lists were read and believed, 1 when they were not, 4 when a server does not answer.',
  ],
  arguments: [{ syntax: '<id>', description: 'the cluster, as list-clusters names it' }],
  options: [
    { flags: '--repin', description: 'forget the pin and what was accepted, and pin anew' },
    yesOption,
  ],
  examples: [
    { says: 'one sentence', command: 'tftp-pki probe-cluster branch --data /var/lib/tftp-pki' },
    {
      says: 'the cluster was set up anew, and its owner read the new fingerprint out',
      command: 'tftp-pki probe-cluster branch --repin --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [id = ''], options) {
    const [{ knownCluster }, { createRemoteLists }] = await Promise.all([
      import('../../app/remote-clusters.ts'),
      import('../../node/remote-lists.ts'),
    ]);
    return withNode(context, async (node) => {
      const known = await knownCluster(node, id);
      const lists = createRemoteLists({ node, onEvent: () => undefined });
      try {
        const remote =
          known.pin === undefined || options.repin === true
            ? await pin(context, node, lists, known, options.yes === true)
            : known;
        const probes = await lists.probe(remote);
        await report(context.output, node, lists, remote, probes);
        if (probes.some(({ unreadable }) => unreadable !== undefined)) return 4;
        return probes.some(({ frozen }) => frozen !== undefined) ? 1 : 0;
      } finally {
        lists.close();
      }
    });
  },
});

async function pin(
  { output, terminal }: CommandContext,
  node: OpenNode,
  lists: RemoteLists,
  remote: RemoteCluster,
  yes: boolean,
): Promise<RemoteCluster> {
  const { signerToPin } = await import('../../app/probe-cluster.ts');
  const { id } = remote;
  const probes = await lists.look({ ...remote, pin: undefined });
  const signer = signerToPin(probes);
  if (signer === undefined) {
    const why = probes.find(({ unreadable }) => unreadable !== undefined)?.unreadable;
    throw new Failure(
      why === undefined ? 'refused' : 'unreachable',
      `${id} has no trust list to pin${why === undefined ? '' : `: ${why}`}`,
      {
        hint: why === undefined ? 'A cluster without trust lists is passed through as it is.' : undefined,
      },
    );
  }
  output.note(`the lists of ${id} are signed by ${printable(signer.subject)}`);
  output.note(`SHA256:${signer.fingerprint}`);
  await confirm(
    terminal,
    `Is this the list signer of ${id}, by its owner's word? Its lists decide what is passed on.`,
    yes,
  );
  const atMs = node.clock.nowMs();
  const next = { fingerprint: signer.fingerprint, pinnedMs: atMs };
  await node.store.pinRemote(id, next, {
    atMs,
    who: userInfo().username,
    operation: `probe-cluster ${id}${remote.pin === undefined ? '' : ' --repin'}`,
    detail: { pin: signer.fingerprint, before: remote.pin?.fingerprint ?? null },
  });
  return { ...remote, pin: next };
}

async function report(
  output: Output,
  node: OpenNode,
  lists: RemoteLists,
  remote: RemoteCluster,
  probes: readonly ServerProbe[],
): Promise<void> {
  const { sentenceOf } = await import('../../app/probe-cluster.ts');
  const signer = await lists.signer();
  const sentence = sentenceOf(remote, probes, signer.fingerprint, node.clock.nowMs());
  if (output.json) {
    output.object({
      id: remote.id,
      pin: remote.pin?.fingerprint ?? null,
      signer: signer.fingerprint,
      sentence,
      servers: probes.map(({ server, signers, frozen, unreadable, evidence }) => ({
        server,
        lists: signers.map(({ kind, signer: by }) => ({ kind, signer: by?.fingerprint ?? null })),
        frozen: frozen ?? null,
        unreadable: unreadable ?? null,
        ctl: evidence?.ctl ?? null,
        itl: evidence?.itl ?? null,
        tvs: evidence?.tvs ?? null,
      })),
    });
    return;
  }
  for (const { server, signers, frozen, unreadable, evidence } of probes) {
    output.line(output.style('bold', server));
    for (const { kind, signer: by } of signers)
      output.line(
        `  ${kind.toUpperCase()} signed by ${by === undefined ? 'nobody it names' : `${printable(by.subject)}, SHA256:${by.fingerprint.slice(0, 16)}…`}`,
      );
    if (evidence !== undefined)
      output.line(`  our signer: CTL ${evidence.ctl}, ITL ${evidence.itl}, TVS ${evidence.tvs}`);
    if (frozen !== undefined) output.line(`  frozen: ${printable(frozen)}`);
    if (unreadable !== undefined) output.line(`  ${printable(unreadable)}`);
  }
  output.line(printable(sentence));
}

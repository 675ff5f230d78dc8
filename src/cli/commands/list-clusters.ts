import type { Evidence } from '../../core/cluster/evidence.ts';
import type { ListedRemote } from '../../app/remote-clusters.ts';
import { printable } from '../../base/text.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import { serverKey } from '../../core/cluster/remote-store.ts';
import { verifyOf } from '../../core/cluster/remote.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

export const listClustersCommand = defineCommand({
  name: 'list-clusters',
  topic: 'Clusters',
  summary: 'list remote clusters with their pins and the evidence about our signature',
  description: [
    'One line per server. CTL, ITL and TVS say what the last probe found there of our signer: `names` and `vouches` are ' +
      'evidence that its phones accept our files, for an hour.',
  ],
  examples: [
    { says: 'a table', command: 'tftp-pki list-clusters' },
    {
      says: 'frozen ones',
      command: "tftp-pki list-clusters --json | jq -r '.[] | select(any(.probes[]; .frozen)).id'",
    },
  ],
  async run(context) {
    const { listClusters } = await import('../../app/remote-clusters.ts');
    const { output } = context;
    await withNode(context, async (node) => {
      const listed = await listClusters(node);
      if (output.json) output.object(listed.map(clusterFacts));
      else if (listed.length === 0) output.note('no remote clusters');
      else
        output.table(
          ['CLUSTER', 'TFTP', 'HTTP', 'PIN', 'VERIFY', 'COMMON', 'PROBED', 'CTL', 'ITL', 'TVS'],
          listed.flatMap(rowsOf),
        );
      for (const { probes } of listed)
        for (const { cluster, server, frozen } of probes)
          if (frozen !== undefined) output.warn(`${cluster} at ${server} is frozen: ${printable(frozen)}`);
    });
    return 0;
  },
});

function rowsOf({ remote, probes }: ListedRemote): string[][] {
  return remote.servers.map(({ tftp, http }) => {
    const probe = probes.find(({ server }) => server === serverKey(tftp));
    const { ctl = '-', itl = '-', tvs = '-' } = probe?.evidence[0] ?? {};
    return [
      remote.id,
      serverKey(tftp),
      http === undefined ? '-' : serverKey(http),
      remote.pin === undefined ? '(none)' : remote.pin.fingerprint.slice(0, 16),
      verifyOf(remote),
      remote.common,
      probe === undefined ? 'never' : isoOf(probe.probedMs),
      ctl,
      itl,
      tvs,
    ];
  });
}

export function clusterFacts({ remote, probes }: ListedRemote): Readonly<Record<string, unknown>> {
  const { id, servers, secure, pin, common, asks, addedMs } = remote;
  return {
    id,
    servers,
    secure,
    pin: pin === undefined ? null : { sha256: pin.fingerprint, since: isoOf(pin.pinnedMs) },
    verify: verifyOf(remote),
    common,
    asks,
    added: isoOf(addedMs),
    probes: probes.map(({ server, probedMs, frozen, evidence }) => ({
      server,
      at: isoOf(probedMs),
      frozen: frozen ?? null,
      // The signer of the node that asked, then those of the others.
      evidence: evidence.map(evidenceFacts)[0] ?? null,
      ofOtherNodes: evidence.slice(1).map(evidenceFacts),
    })),
  };
}

function evidenceFacts({ signer, ctl, itl, tvs }: Evidence): Readonly<Record<string, string>> {
  return { signer, ctl, itl, tvs };
}

function isoOf(ms: number): string {
  return formatIsoSeconds(Math.floor(ms / 1000));
}

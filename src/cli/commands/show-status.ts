import { formatIsoSeconds } from '../../base/utc-time.ts';
import type { ClusterStatus } from '../../app/cluster-status.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';

/** Below this a certificate's end is worth a warning; a rotation with phones switched off takes weeks. */
const expiryWarningDays = 60;

export const showStatus = defineCommand({
  name: 'status',
  topic: 'Node',
  summary: 'show the cluster, its certificates, its lists and its devices',
  description: [
    `Reads the data folder, whether the server runs or not. Certificates that expire within ${expiryWarningDays} days are named on stderr.`,
  ],
  examples: [
    { says: 'an overview', command: 'tftp-pki status --data /var/lib/tftp-pki' },
    { says: 'for a script', command: "tftp-pki status --json | jq '.certificates[] | {purpose, daysLeft}'" },
  ],
  async run(context) {
    const { clusterStatus } = await import('../../app/cluster-status.ts');
    await withNode(context, async (node) => {
      const status = await clusterStatus(node, Math.floor(node.clock.nowMs() / 1000));
      if (context.output.json) context.output.object(statusFacts(status));
      else printStatus(context.output, status);
      for (const { purpose, daysLeft } of status.certificates)
        if (daysLeft < expiryWarningDays)
          context.output.warn(
            daysLeft < 0
              ? `the ${purpose} certificate has expired`
              : `the ${purpose} certificate expires in ${daysLeft} days`,
          );
    });
    return 0;
  },
});

function statusFacts(status: ClusterStatus): Readonly<Record<string, unknown>> {
  const { id, mode, hash, createdMs } = status.cluster;
  return {
    cluster: { id, mode, hash, created: new Date(createdMs).toISOString() },
    nodes: status.nodes,
    certificates: status.certificates.map(({ node, notAfter, ...facts }) => ({
      ...facts,
      node: node ?? null,
      notAfter: formatIsoSeconds(notAfter),
    })),
    lists: status.lists.map(({ timestamp, ...facts }) => ({
      ...facts,
      timestamp: formatIsoSeconds(timestamp),
    })),
    devices: status.devices,
  };
}

function printStatus(output: Output, status: ClusterStatus): void {
  const { cluster, nodes, certificates, lists, devices } = status;
  output.line(`cluster  ${cluster.id}, ${cluster.mode}, signs with ${cluster.hash.toUpperCase()}`);
  output.line(`nodes    ${nodes.join(', ')}`);
  output.line(`devices  ${devices}`);
  output.line();
  output.table(
    ['CERTIFICATE', 'NODE', 'EXPIRES', 'DAYS', 'SHA-256', 'SUBJECT'],
    certificates.map(({ purpose, node, notAfter, daysLeft, fingerprint, subject }) => [
      purpose,
      node ?? '(cluster)',
      formatIsoSeconds(notAfter).slice(0, 10),
      String(daysLeft),
      shortened(fingerprint),
      subject,
    ]),
  );
  output.line();
  output.table(
    ['LIST', 'GENERATION', 'RECORDS', 'BYTES', 'SIGNED', 'SIGNER'],
    lists.map(({ kind, generation, records, bytes, timestamp, signer }) => [
      kind.toUpperCase(),
      String(generation),
      String(records),
      String(bytes),
      formatIsoSeconds(timestamp),
      shortened(signer),
    ]),
  );
}

/** The columns are for reading; `--json` has the whole. */
function shortened(fingerprint: string): string {
  return fingerprint.slice(0, 16);
}

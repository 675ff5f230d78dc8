import { formatIsoSeconds } from '../../base/utc-time.ts';
import { printable } from '../../base/text.ts';
import type { UnknownSigner } from '../../core/tvs/unknown-signers.ts';
import type { ClusterStatus } from '../../app/cluster-status.ts';
import type { Risk } from '../../core/trust/risk.ts';
import { expiryStage, expiryWords } from '../../core/trust/expiry.ts';
import { defineCommand } from '../command.ts';
import { withShownNode } from '../node.ts';
import { databaseFacts, printServing, sayAway } from '../show-serving.ts';
import type { Output } from '../output.ts';
import { printRotation, rotationFacts } from '../show-rotation.ts';
import { printRemotes, remoteFacts } from '../show-remotes.ts';
import { printRisks, readRisks, riskFacts } from '../show-risks.ts';

export const showStatus = defineCommand({
  name: 'status',
  topic: 'Node',
  summary: 'show the cluster, its certificates, its lists and its devices',
  description: [
    'Reads the data folder, whether the server runs or not. Certificates that end within 90, 30, 7 or 1 days are named on ' +
      'stderr, lists that are out of date with what would change in them, and weak algorithms with the phones that need them and the date until which the risk is accepted.',
    'Where several nodes share a database: the version that each serves and for how long, how far it is behind, and who was not heard of. ' +
      'A node that lost the database shows its last copy and says so.',
  ],
  examples: [
    { says: 'an overview', command: 'tftp-pki status --data /var/lib/tftp-pki' },
    { says: 'for a script', command: "tftp-pki status --json | jq '.certificates[] | {purpose, daysLeft}'" },
  ],
  async run(context) {
    const [{ clusterStatus }, { rotationProgress }] = await Promise.all([
      import('../../app/cluster-status.ts'),
      import('../../app/guided-rotation.ts'),
    ]);
    await withShownNode(context, async (node, away) => {
      const status = await clusterStatus(node, Math.floor(node.clock.nowMs() / 1000));
      const risks = await readRisks(context, node);
      const unknown = await (await import('../../node/tvs-reports.ts')).readUnknownSigners(node);
      const rotations = await rotationProgress(node);
      const { readRemoteStatus } = await import('../../node/remote-status.ts');
      const remotes = readRemoteStatus(node.folder.remotesFile);
      if (context.output.json)
        context.output.object({
          ...statusFacts(status, risks, unknown),
          ...databaseFacts(status, away),
          renewals: rotations.map(rotationFacts),
          remotes: remoteFacts(remotes),
        });
      else {
        printStatus(context.output, status);
        printServing(context.output, status);
        printUnknownSigners(context.output, unknown);
        printRemotes(context.output, remotes);
        for (const rotation of rotations) {
          context.output.line();
          printRotation(context.output, rotation);
        }
        printRisks(context.output, risks);
      }
      sayAway(context.output, status, away);
      sayOutdated(context.output, status);
      sayMisnamed(context.output, status);
      for (const { purpose, daysLeft } of status.certificates)
        if (expiryStage(daysLeft) !== undefined)
          context.output.warn(
            `the ${purpose} certificate ${expiryWords(daysLeft)}${daysLeft < 0 ? ' and goes on being used' : ''}`,
          );
    });
    return 0;
  },
});

/** As `utils ctl update CTLFile` is needed after an import: which list, what would change in it, where that came from. */
function sayOutdated(output: Output, { outdated }: ClusterStatus): void {
  if (!outdated.ok) {
    output.warn(`the lists cannot be made anew: ${outdated.error}`);
    return;
  }
  for (const { kind, changes, because, next } of outdated.value) {
    output.warn(
      `the ${kind.toUpperCase()} is out of date: ${changes.length} change${changes.length === 1 ? '' : 's'}`,
    );
    for (const line of changes) output.warn(`  ${line}`);
    for (const reason of because) output.warn(`  because ${reason}`);
    output.hint(next);
  }
}

/** One at a time: the first of them is next. */
function sayMisnamed(output: Output, { misnamed }: ClusterStatus): void {
  for (const { purpose, node, host } of misnamed)
    output.warn(`the ${purpose} certificate of ${node} does not name ${host}`);
  const [first] = misnamed;
  if (first !== undefined) output.hint(first.next);
}

function statusFacts(
  status: ClusterStatus,
  risks: readonly Risk[],
  unknownSigners: readonly UnknownSigner[],
): Readonly<Record<string, unknown>> {
  const { id, mode, hash, createdMs } = status.cluster;
  return {
    cluster: { id, mode, hash, created: new Date(createdMs).toISOString() },
    nodes: status.nodes,
    renamed: status.renamed,
    misnamed: status.misnamed,
    certificates: status.certificates.map(({ node, notAfter, ...facts }) => ({
      ...facts,
      node: node ?? null,
      notAfter: formatIsoSeconds(notAfter),
    })),
    lists: status.lists.map(({ timestamp, ...facts }) => ({
      ...facts,
      timestamp: formatIsoSeconds(timestamp),
    })),
    outdated: status.outdated.ok ? status.outdated.value : null,
    devices: status.devices,
    risks: risks.map(riskFacts),
    unknownSigners: unknownSigners.map(({ lastMs, signer, ...facts }) => ({
      ...facts,
      last: formatIsoSeconds(Math.floor(lastMs / 1000)),
      signer: signer ?? null,
    })),
  };
}

function printStatus(output: Output, status: ClusterStatus): void {
  const { cluster, nodes, renamed, certificates, lists, devices } = status;
  output.line(`cluster  ${cluster.id}, ${cluster.mode}, signs with ${cluster.hash.toUpperCase()}`);
  const hosts = new Map(renamed.map(({ node, host }) => [node, ` (phones know it as ${host})`]));
  output.line(`nodes    ${nodes.map((node) => `${node}${hosts.get(node) ?? ''}`).join(', ')}`);
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

/** The best alarm that phones are about to be stranded: the latest last. */
function printUnknownSigners(output: Output, unknown: readonly UnknownSigner[]): void {
  if (unknown.length === 0) return;
  output.line();
  output.table(
    ['MET AN UNKNOWN SIGNER', 'TIMES', 'LAST', 'SERIAL', 'ISSUER'],
    unknown
      .slice(-shownDevices)
      .map(({ device, count, lastMs, signer }) => [
        device,
        String(count),
        formatIsoSeconds(Math.floor(lastMs / 1000)),
        signer?.serial ?? '',
        printable(signer?.issuer ?? ''),
      ]),
  );
  if (unknown.length > shownDevices) output.line(`… and ${unknown.length - shownDevices} more`);
}

const shownDevices = 10;

/** The columns are for reading; `--json` has the whole. */
function shortened(fingerprint: string): string {
  return fingerprint.slice(0, 16);
}

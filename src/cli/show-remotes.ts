/** How remote clusters do, as the running server wrote it: for `status`. */
import { printable } from '../base/text.ts';
import type { RemoteStatus } from '../node/remote-status.ts';
import type { Output } from './output.ts';

export function remoteFacts(status: RemoteStatus | undefined): readonly Readonly<Record<string, unknown>>[] {
  return clusterIds(status).map((cluster) => ({
    cluster,
    servers: (status?.servers ?? []).filter((one) => one.cluster === cluster),
    ...status?.clusters[cluster],
  }));
}

export function printRemotes(output: Output, status: RemoteStatus | undefined): void {
  if (status === undefined) return;
  output.line();
  output.table(
    ['REMOTE', 'SERVER', 'HTTP', 'TFTP', 'FILES', 'NOT FOUND', 'FAILED', 'BLOCKED'],
    status.servers.map(({ cluster, server, http, tftp }) => {
      const counts = status.clusters[cluster];
      const numbers = [counts?.have, counts?.notFound, counts?.failed, counts?.blocked];
      return [cluster, server, http, tftp, ...numbers.map((count) => String(count ?? 0))];
    }),
  );
  for (const [cluster, { lastRefused }] of Object.entries(status.clusters)) {
    if (lastRefused === null) continue;
    const { name, server, code, reason, blocked } = lastRefused;
    const fate = blocked ? 'was not passed on' : 'was passed on, nothing is enforced';
    output.warn(`${printable(name)} of ${cluster} (${server}) ${fate}: ${code}: ${printable(reason)}`);
  }
}

function clusterIds(status: RemoteStatus | undefined): readonly string[] {
  return [
    ...new Set([
      ...(status?.servers ?? []).map(({ cluster }) => cluster),
      ...Object.keys(status?.clusters ?? {}),
    ]),
  ];
}

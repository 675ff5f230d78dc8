/** The nodes of a cluster of several: which version each serves, and a database that is away. */
import type { Failure } from '../base/errors.ts';
import type { ClusterStatus, ServingNode } from '../app/cluster-status.ts';
import type { Output } from './output.ts';

export function databaseFacts(
  { version, serving }: ClusterStatus,
  away: Failure | undefined,
): Readonly<Record<string, unknown>> {
  return {
    database: { version, away: away?.message ?? null },
    serving: serving.map((node) => ({ ...node, version: node.version ?? null })),
  };
}

export function printServing(output: Output, { version, serving }: ClusterStatus): void {
  if (serving.length === 0) return;
  output.line();
  output.table(
    [`NODE (DATABASE ${version})`, 'SERVES', 'BEHIND', 'SINCE', 'HEARD', 'STATE'],
    serving.map((node) => [
      node.node,
      String(node.version ?? ''),
      String(node.behind),
      ...timesOf(node),
      node.state,
    ]),
  );
}

/** On stderr: what a script or a person must not overlook. */
export function sayAway(
  output: Output,
  { version, serving }: ClusterStatus,
  away: Failure | undefined,
): void {
  if (away !== undefined) {
    output.warn(`${away.message}; this is the last copy, version ${version}`);
    output.hint('the node goes on serving it and catches up by itself; nothing can be changed until then');
  }
  for (const { node, state, behind, silentForMs } of serving) {
    if (state === 'silent') output.warn(`${node} was last heard ${seconds(silentForMs)} ago`);
    if (state === 'behind') output.warn(`${node} is ${behind} versions behind`);
  }
}

function timesOf({ version, servedForMs, silentForMs }: ServingNode): readonly string[] {
  return version === undefined ? ['', ''] : [seconds(servedForMs), `${seconds(silentForMs)} ago`];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

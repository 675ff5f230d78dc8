import { sql, type Kysely } from 'kysely';
import type { NodeState } from '../../core/cluster/model.ts';
import type { ColumnTypes } from '../database.ts';
import type { Schema } from '../schema.ts';

/** By the database's clock: nodes need not agree on the time. */
export async function putNodeState(
  query: Kysely<Schema>,
  { nowMs }: ColumnTypes,
  node: string,
  version: number,
): Promise<void> {
  await query
    .insertInto('node_state')
    .values({ node, version, served_ms: nowMs, heard_ms: nowMs })
    .onConflict((conflict) =>
      conflict.column('node').doUpdateSet((row) => ({
        version: row.ref('excluded.version'),
        heard_ms: nowMs,
        served_ms: sql<number>`case when node_state.version = excluded.version then node_state.served_ms else ${nowMs} end`,
      })),
    )
    .execute();
}

/** Of the nodes that ever served, in no order. */
export async function listNodeStates(
  query: Kysely<Schema>,
  { nowMs }: ColumnTypes,
): Promise<readonly NodeState[]> {
  const rows = await query
    .selectFrom('node_state')
    .select(['node', 'version'])
    .select(sql<number>`${nowMs} - served_ms`.as('since'))
    .select(sql<number>`${nowMs} - heard_ms`.as('silent'))
    .execute();
  return rows.map(({ node, version, since, silent }) => ({
    node,
    version,
    servedForMs: Math.max(0, since),
    silentForMs: Math.max(0, silent),
  }));
}

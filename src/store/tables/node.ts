import type { Kysely } from 'kysely';
import type { ClusterNode } from '../../core/cluster/model.ts';
import type { Schema } from '../schema.ts';

/** In the order in which they joined. */
export async function listNodes(query: Kysely<Schema>): Promise<readonly ClusterNode[]> {
  const rows = await query.selectFrom('node').selectAll().orderBy('created_ms').orderBy('name').execute();
  return rows.map((row) => ({ name: row.name, createdMs: row.created_ms }));
}

export async function insertNode(query: Kysely<Schema>, node: ClusterNode): Promise<void> {
  await query.insertInto('node').values({ name: node.name, created_ms: node.createdMs }).execute();
}

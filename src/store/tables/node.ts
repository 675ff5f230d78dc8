import type { Kysely } from 'kysely';
import { Failure } from '../../base/errors.ts';
import type { ClusterNode } from '../../core/cluster/model.ts';
import type { Schema } from '../schema.ts';

/** In the order in which they joined. */
export async function listNodes(query: Kysely<Schema>): Promise<readonly ClusterNode[]> {
  const rows = await query
    .selectFrom('node')
    .selectAll()
    .where('removed_ms', 'is', null)
    .orderBy('created_ms')
    .orderBy('name')
    .execute();
  return rows.map(({ name, host, created_ms: createdMs }) => ({
    name,
    ...(host !== null && { host }),
    createdMs,
  }));
}

/** Failure `refused` when a node of that name is there; one that was removed comes back. */
export async function insertNode(query: Kysely<Schema>, { name, createdMs }: ClusterNode): Promise<void> {
  const there = await query
    .selectFrom('node')
    .select('removed_ms')
    .where('name', '=', name)
    .executeTakeFirst();
  if (there === undefined) {
    await query.insertInto('node').values({ name, created_ms: createdMs }).execute();
    return;
  }
  if (there.removed_ms === null) throw new Failure('refused', `the cluster has a node ${name} already`);
  await query
    .updateTable('node')
    .set({ created_ms: createdMs, removed_ms: null, host: null })
    .where('name', '=', name)
    .execute();
}

/** From now on phones know it as `host`; its name stays. */
export async function renameNode(
  query: Kysely<Schema>,
  { name, host }: { readonly name: string; readonly host: string },
): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('node')
    .set({ host: host === name ? null : host })
    .where('name', '=', name)
    .where('removed_ms', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new Failure('not-found', `there is no node ${name}`);
}

/** Its row stays: certificates of the history belong to it. */
export async function removeNode(query: Kysely<Schema>, name: string, atMs: number): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('node')
    .set({ removed_ms: atMs })
    .where('name', '=', name)
    .where('removed_ms', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new Failure('not-found', `there is no node ${name}`);
}

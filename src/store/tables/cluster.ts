import type { Kysely } from 'kysely';
import { Failure } from '../../base/errors.ts';
import type { Cluster, ClusterMode } from '../../core/cluster/model.ts';
import type { HashName } from '../../wire/algorithm.ts';
import type { Schema } from '../schema.ts';

export async function readCluster(query: Kysely<Schema>): Promise<Cluster | undefined> {
  const row = await query.selectFrom('cluster').selectAll().executeTakeFirst();
  return row && { id: row.id, mode: row.mode, hash: row.hash, createdMs: row.created_ms };
}

/** Failure `refused` when there is one: a data folder belongs to one cluster for ever. */
export async function insertCluster(query: Kysely<Schema>, cluster: Cluster): Promise<void> {
  const existing = await readCluster(query);
  if (existing)
    throw new Failure('refused', `this data folder holds the cluster ${existing.id} already`, {
      hint: 'Name another folder with --data, or use the cluster that is there.',
    });
  const { id, mode, hash, createdMs } = cluster;
  await query.insertInto('cluster').values({ singleton: 1, id, mode, hash, created_ms: createdMs }).execute();
}

export async function updateHash(query: Kysely<Schema>, hash: HashName): Promise<void> {
  await query.updateTable('cluster').set({ hash }).execute();
}

export async function updateMode(query: Kysely<Schema>, mode: ClusterMode): Promise<void> {
  await query.updateTable('cluster').set({ mode }).execute();
}

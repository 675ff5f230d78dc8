/** The rows of the bulk exchange: clusters whose manifests are believed, and the number of our last export. */
import type { Kysely } from 'kysely';
import type { SeenManifest } from '../../core/bulk/bulk-store.ts';
import type { BulkPeer } from '../../core/bulk/known-peer.ts';
import type { Schema } from '../schema.ts';

export async function listBulkPeers(query: Kysely<Schema>): Promise<readonly BulkPeer[]> {
  const rows = await query.selectFrom('bulk_peer').selectAll().orderBy('cluster').execute();
  return rows.map((row) => ({
    cluster: row.cluster,
    signer: row.signer,
    counter: row.counter,
    manifestSha256: row.manifest_sha256 ?? undefined,
    acceptedMs: row.accepted_ms,
    acceptedBy: row.accepted_by,
  }));
}

/** Another signer counts from the beginning: a cluster that was set up anew does. */
export async function acceptBulkPeer(
  query: Kysely<Schema>,
  { cluster, signer, acceptedMs, acceptedBy }: Omit<BulkPeer, 'counter' | 'manifestSha256'>,
): Promise<void> {
  const accepted = {
    signer,
    counter: 0,
    manifest_sha256: null,
    accepted_ms: acceptedMs,
    accepted_by: acceptedBy,
  };
  await query
    .insertInto('bulk_peer')
    .values({ cluster, ...accepted })
    .onConflict((conflict) =>
      conflict.column('cluster').doUpdateSet(accepted).where('bulk_peer.signer', '!=', signer),
    )
    .execute();
}

export async function markBulkSeen(query: Kysely<Schema>, seen: readonly SeenManifest[]): Promise<void> {
  for (const { cluster, counter, sha256 } of seen)
    await query
      .updateTable('bulk_peer')
      .set({ counter, manifest_sha256: sha256 })
      .where('cluster', '=', cluster)
      .where('counter', '<', counter)
      .execute();
}

export async function nextBulkCounter(query: Kysely<Schema>, above: number): Promise<number> {
  const row = await query.selectFrom('bulk_export').select('counter').executeTakeFirst();
  const counter = Math.max(row?.counter ?? 0, above) + 1;
  await query
    .insertInto('bulk_export')
    .values({ singleton: 1, counter })
    .onConflict((conflict) => conflict.column('singleton').doUpdateSet({ counter }))
    .execute();
  return counter;
}

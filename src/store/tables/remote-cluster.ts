import type { Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import type { Evidence } from '../../core/cluster/evidence.ts';
import type { ProbedServer, RemoteList, RemoteProbe } from '../../core/cluster/remote-store.ts';
import type { ClusterId, RemoteCluster, RemotePin, RemoteServer } from '../../core/cluster/remote.ts';
import type { RemoteClusterTable, Schema } from '../schema.ts';

export async function listRemotes(query: Kysely<Schema>): Promise<readonly RemoteCluster[]> {
  const rows = await query.selectFrom('remote_cluster').selectAll().orderBy('seq').execute();
  return rows.map(remoteOf);
}

export async function insertRemote(query: Kysely<Schema>, remote: RemoteCluster): Promise<void> {
  const { numInsertedOrUpdatedRows: inserted } = await query
    .insertInto('remote_cluster')
    .values({
      id: remote.id,
      servers: JSON.stringify(remote.servers),
      secure: remote.secure ? 1 : 0,
      pin: remote.pin?.fingerprint ?? null,
      pinned_ms: remote.pin?.pinnedMs ?? null,
      common: remote.common,
      verify: remote.verify ?? null,
      asks: JSON.stringify(remote.asks),
      added_ms: remote.addedMs,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirstOrThrow();
  if (inserted === 0n)
    throw new Failure('refused', `there is a remote cluster ${remote.id} already`, {
      hint: `tftp-pki remove-cluster ${remote.id}, then add it anew.`,
    });
}

export async function deleteRemote(query: Kysely<Schema>, id: ClusterId): Promise<void> {
  const { numDeletedRows } = await query
    .deleteFrom('remote_cluster')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw noRemote(id);
}

export async function updatePin(query: Kysely<Schema>, id: ClusterId, pin: RemotePin): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('remote_cluster')
    .set({ pin: pin.fingerprint, pinned_ms: pin.pinnedMs })
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw noRemote(id);
  await query.deleteFrom('remote_list').where('cluster', '=', id).execute();
  await query.deleteFrom('remote_server').where('cluster', '=', id).execute();
}

export async function saveProbe(query: Kysely<Schema>, probe: RemoteProbe): Promise<void> {
  const { cluster, server, lists } = probe;
  const found = await query
    .selectFrom('remote_cluster')
    .select('id')
    .where('id', '=', cluster)
    .executeTakeFirst();
  if (found === undefined) throw noRemote(cluster);
  const columns = {
    probed_ms: probe.atMs,
    frozen: probe.frozen ?? null,
    evidence: probe.evidence.length === 0 ? null : JSON.stringify(probe.evidence),
  };
  await query
    .insertInto('remote_server')
    .values({ cluster, server, ...columns })
    .onConflict((conflict) => conflict.columns(['cluster', 'server']).doUpdateSet(columns))
    .execute();
  if (lists === undefined) return;
  await query.deleteFrom('remote_list').where('cluster', '=', cluster).where('server', '=', server).execute();
  for (const { kind, bytes, sha256, seenMs } of lists)
    await query
      .insertInto('remote_list')
      .values({ cluster, server, kind, bytes, sha256, seen_ms: seenMs })
      .execute();
}

export async function listProbes(query: Kysely<Schema>): Promise<readonly ProbedServer[]> {
  const rows = await query
    .selectFrom('remote_server')
    .selectAll()
    .orderBy('cluster')
    .orderBy('server')
    .execute();
  return rows.map((row) => ({
    cluster: row.cluster,
    server: row.server,
    probedMs: row.probed_ms,
    frozen: row.frozen ?? undefined,
    evidence: row.evidence === null ? [] : evidenceOf(row.evidence),
  }));
}

export async function listRemoteLists(query: Kysely<Schema>): Promise<readonly RemoteList[]> {
  const rows = await query
    .selectFrom('remote_list')
    .selectAll()
    .orderBy('cluster')
    .orderBy('server')
    .execute();
  return rows.map(({ cluster, server, kind, bytes, sha256, seen_ms }) => ({
    cluster,
    server,
    kind,
    bytes: Uint8Array.from(bytes),
    sha256,
    seenMs: seen_ms,
  }));
}

/** One node's alone, as it was written before there were several. */
function evidenceOf(text: string): readonly Evidence[] {
  const parsed = JSON.parse(text) as Evidence | readonly Evidence[];
  return 'signer' in parsed ? [parsed] : parsed;
}

function remoteOf(row: Selectable<RemoteClusterTable>): RemoteCluster {
  return {
    id: row.id,
    servers: JSON.parse(row.servers) as RemoteServer[],
    secure: row.secure === 1,
    pin: row.pin === null ? undefined : { fingerprint: row.pin, pinnedMs: row.pinned_ms ?? row.added_ms },
    common: row.common,
    verify: row.verify ?? undefined,
    asks: JSON.parse(row.asks) as ClusterId[],
    addedMs: row.added_ms,
  };
}

function noRemote(id: ClusterId): Failure {
  return new Failure('not-found', `there is no remote cluster ${id}`, { hint: 'tftp-pki list-clusters' });
}

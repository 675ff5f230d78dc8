import type { Kysely, Selectable } from 'kysely';
import { assert } from '../../base/assert.ts';
import type { RememberedHome, SettledHome } from '../../core/cluster/home.ts';
import type { DeviceHome } from '../../core/cluster/remote-store.ts';
import type { DeviceHomeTable, Schema } from '../schema.ts';
import { nextMark } from './change-count.ts';

export async function findHome(query: Kysely<Schema>, device: string): Promise<RememberedHome | undefined> {
  const row = await query
    .selectFrom('device_home')
    .selectAll()
    .where('device', '=', device)
    .executeTakeFirst();
  return row && { home: homeOf(row), confirmedMs: row.confirmed_ms };
}

/** A home of a cluster that was removed meanwhile is left out. */
export async function saveHomes(
  query: Kysely<Schema>,
  homes: readonly DeviceHome[],
  { movedMs, mark: given }: { readonly movedMs?: number; readonly mark?: number } = {},
): Promise<void> {
  const rows = await query.selectFrom('remote_cluster').select('id').execute();
  const known = new Set(rows.map(({ id }) => id));
  const mark = given ?? (await nextMark(query));
  for (const { device, home, confirmedMs } of homes) {
    const cluster = home.kind === 'remote' ? home.cluster : null;
    if (cluster !== null && !known.has(cluster)) continue;
    const columns = {
      kind: home.kind,
      cluster,
      confirmed_ms: confirmedMs,
      mark,
      ...(movedMs !== undefined && { moved_ms: movedMs }),
    };
    await query
      .insertInto('device_home')
      .values({ device, ...columns })
      .onConflict((conflict) => conflict.column('device').doUpdateSet(columns))
      .execute();
  }
}

export async function homesMovedAfter(query: Kysely<Schema>, ms: number): Promise<readonly DeviceHome[]> {
  const rows = await query.selectFrom('device_home').selectAll().where('moved_ms', '>', ms).execute();
  return rows.map((row) => ({ device: row.device, home: homeOf(row), confirmedMs: row.confirmed_ms }));
}

/** Some of the rows of one mark. */
export async function homesWithMark(
  query: Kysely<Schema>,
  mark: number,
  limit: number,
): Promise<readonly DeviceHome[]> {
  const rows = await query
    .selectFrom('device_home')
    .selectAll()
    .where('mark', '=', mark)
    .limit(limit)
    .execute();
  return rows.map((row) => ({ device: row.device, home: homeOf(row), confirmedMs: row.confirmed_ms }));
}

function homeOf({ kind, cluster }: Selectable<DeviceHomeTable>): SettledHome {
  if (kind !== 'remote') return { kind };
  assert(cluster !== null, 'a remote home names its cluster');
  return { kind, cluster };
}

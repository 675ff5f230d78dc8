import type { Kysely } from 'kysely';
import type { StoredProvisioning } from '../../core/devices/device-store.ts';
import type { Provisioning } from '../../core/devices/provisioning.ts';
import type { ColumnTypes } from '../database.ts';
import type { Schema } from '../schema.ts';

export async function readProvisioning(query: Kysely<Schema>): Promise<StoredProvisioning> {
  const row = await query.selectFrom('provisioning').selectAll().executeTakeFirstOrThrow();
  return {
    provisioning: row.document === null ? undefined : (JSON.parse(row.document) as Provisioning),
    salt: row.salt,
    changedMs: row.changed_ms,
  };
}

export async function writeProvisioning(
  query: Kysely<Schema>,
  { randomSalt }: ColumnTypes,
  provisioning: Provisioning,
  atMs: number,
): Promise<void> {
  await query
    .updateTable('provisioning')
    .set({ document: JSON.stringify(provisioning), salt: randomSalt, changed_ms: atMs })
    .execute();
}

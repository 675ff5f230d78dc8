import type { Kysely } from 'kysely';
import { sealAuditRow, type AuditEntry, type AuditRow } from '../../core/audit/audit-chain.ts';
import type { Crypto } from '../../core/ports.ts';
import type { Schema } from '../schema.ts';

/** In the transaction of what it tells: when the row cannot be written, nothing has changed. */
export type AuditWriter = (query: Kysely<Schema>, entry: AuditEntry) => Promise<void>;

/** `reason`: why everything is done that is written here, in the words of who does it. */
export function createAuditWriter(crypto: Pick<Crypto, 'digest'>, reason: string | undefined): AuditWriter {
  return (query, entry) =>
    appendAudit(
      query,
      crypto,
      reason === undefined ? entry : { ...entry, detail: { ...entry.detail, reason } },
    );
}

async function appendAudit(
  query: Kysely<Schema>,
  crypto: Pick<Crypto, 'digest'>,
  entry: AuditEntry,
): Promise<void> {
  const last = await query
    .selectFrom('audit')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { atMs, ...row } = sealAuditRow(crypto, last, entry);
  await query
    .insertInto('audit')
    .values({ ...row, at_ms: atMs })
    .execute();
}

export async function listAudit(query: Kysely<Schema>): Promise<readonly AuditRow[]> {
  const rows = await query.selectFrom('audit').selectAll().orderBy('seq').execute();
  return rows.map(({ at_ms: atMs, ...row }) => ({ ...row, atMs }));
}

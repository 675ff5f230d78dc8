import type { Kysely } from 'kysely';
import type { TvsReport, UnknownSigner } from '../../core/tvs/unknown-signers.ts';
import type { Schema } from '../schema.ts';

/** Only that node writes this row, whole each time. */
export async function putTvsReport(
  query: Kysely<Schema>,
  { node, unknownSigners }: TvsReport,
): Promise<void> {
  await query
    .insertInto('tvs_report')
    .values({ node, unknown_signers: JSON.stringify(unknownSigners) })
    .onConflict((conflict) =>
      conflict
        .column('node')
        .doUpdateSet((row) => ({ unknown_signers: row.ref('excluded.unknown_signers') })),
    )
    .execute();
}

/** Of the nodes that are in the cluster. */
export async function listTvsReports(query: Kysely<Schema>): Promise<readonly TvsReport[]> {
  const rows = await query
    .selectFrom('tvs_report')
    .innerJoin('node', 'node.name', 'tvs_report.node')
    .where('node.removed_ms', 'is', null)
    .select(['tvs_report.node', 'unknown_signers'])
    .execute();
  return rows.map(({ node, unknown_signers: text }) => ({
    node,
    unknownSigners: JSON.parse(text) as readonly UnknownSigner[],
  }));
}

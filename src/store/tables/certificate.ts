import type { Kysely, Selectable } from 'kysely';
import type { StoredCertificate } from '../../core/cluster/model.ts';
import type { NewCertificate } from '../../core/ports.ts';
import type { CertificateTable, Schema } from '../schema.ts';

/** Retired ones included, in the order in which they came. */
export async function listCertificates(query: Kysely<Schema>): Promise<readonly StoredCertificate[]> {
  const rows = await query.selectFrom('certificate').selectAll().orderBy('id').execute();
  return rows.map(certificateOf);
}

export async function insertCertificates(
  query: Kysely<Schema>,
  certificates: readonly NewCertificate[],
): Promise<void> {
  for (const certificate of certificates)
    await query
      .insertInto('certificate')
      .values({
        store: certificate.store,
        purpose: certificate.purpose ?? null,
        node: certificate.node ?? null,
        der: certificate.der,
        fingerprint: certificate.fingerprint,
        provenance: certificate.provenance,
        added_ms: certificate.addedMs,
        retired_ms: null,
      })
      .execute();
}

function certificateOf(row: Selectable<CertificateTable>): StoredCertificate {
  return {
    id: row.id,
    store: row.store,
    purpose: row.purpose ?? undefined,
    node: row.node ?? undefined,
    der: Uint8Array.from(row.der),
    fingerprint: row.fingerprint,
    provenance: row.provenance,
    addedMs: row.added_ms,
    retiredMs: row.retired_ms ?? undefined,
  };
}

import type { Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { StoredCertificate } from '../../core/cluster/model.ts';
import type { Crypto, NewCertificate } from '../../core/ports.ts';
import { anchorOf, findAnchors, sameKey } from '../../core/trust/anchor.ts';
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

/**
 * Gives the row's id. Failure `refused` when it stands in that store, or when another key is known anywhere under its
 * issuer and serial (a TVS is asked by these two alone), `format` when it cannot be read.
 */
export async function addCertificate(
  query: Kysely<Schema>,
  crypto: Pick<Crypto, 'readCertificate'>,
  certificate: NewCertificate,
): Promise<number> {
  const known = await listCertificates(query);
  refuseSecondKey(crypto, certificate, known);
  const { store, fingerprint, provenance, addedMs } = certificate;
  const there = known.find((row) => row.store === store && row.fingerprint === fingerprint);
  if (there !== undefined) {
    // An own certificate that returned would be in use again before those that came after it.
    if (there.retiredMs === undefined || store === 'own')
      throw new Failure('refused', `the certificate stands in the store ${store} already`, {
        hint: there.retiredMs === undefined ? undefined : 'It is retired there for ever; issue another one.',
      });
    await query
      .updateTable('certificate')
      .set({ retired_ms: null, provenance, added_ms: addedMs })
      .where('id', '=', there.id)
      .execute();
    return there.id;
  }
  await insertCertificates(query, [certificate]);
  const { id } = await query
    .selectFrom('certificate')
    .select('id')
    .where('store', '=', store)
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirstOrThrow();
  return id;
}

export async function retireCertificate(query: Kysely<Schema>, id: number, atMs: number): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('certificate')
    .set({ retired_ms: atMs })
    .where('id', '=', id)
    .where('retired_ms', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new Failure('not-found', `there is no certificate ${id} that is in use`);
}

/** Retired ones count: phones may remember for a day what a TVS said of them (security.md §5). */
function refuseSecondKey(
  crypto: Pick<Crypto, 'readCertificate'>,
  { der }: NewCertificate,
  known: readonly StoredCertificate[],
): void {
  const added = crypto.readCertificate(der);
  if (added === undefined) throw new Failure('format', 'the certificate cannot be read');
  for (const { der: other, store } of known) {
    const facts = crypto.readCertificate(other);
    if (facts === undefined || sameKey(facts, added)) continue;
    // As a TVS would find it; the role does not matter.
    if (findAnchors([anchorOf('TVS', facts)], added).length === 0) continue;
    throw new Failure(
      'refused',
      `another key has the issuer and serial of ${printable(added.subject)} in the store ${store}`,
      {
        hint: 'A phone that asks for issuer and serial must get one answer: have it issued with a new serial.',
      },
    );
  }
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

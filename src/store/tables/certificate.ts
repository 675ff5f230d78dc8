import type { Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import { assert } from '../../base/assert.ts';
import { printable, toHex } from '../../base/text.ts';
import type { Landed, StoredCertificate } from '../../core/cluster/model.ts';
import type { CertificateFacts, Crypto, NewCertificate } from '../../core/ports.ts';
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
        ...landedColumns(certificate.landed),
      })
      .execute();
}

/** Gives the row's id; see addCertificates. */
export async function addCertificate(
  query: Kysely<Schema>,
  crypto: Pick<Crypto, 'readCertificate'>,
  certificate: NewCertificate,
): Promise<number> {
  const [id] = await addCertificates(query, crypto, [certificate]);
  assert(id !== undefined, 'one certificate has one row');
  return id;
}

/**
 * Gives the rows' ids. Failure `refused` when one stands in its store, or when another key is known anywhere under its
 * issuer and serial (a TVS is asked by these two alone), `format` when it cannot be read.
 */
export async function addCertificates(
  query: Kysely<Schema>,
  crypto: Pick<Crypto, 'readCertificate'>,
  certificates: readonly NewCertificate[],
): Promise<readonly number[]> {
  const known: StoredCertificate[] = [...(await listCertificates(query))];
  const keys = new KnownKeys(crypto, known);
  const ids: number[] = [];
  for (const certificate of certificates) {
    keys.refuseSecond(certificate);
    const { store, fingerprint } = certificate;
    const there = known.find((row) => row.store === store && row.fingerprint === fingerprint);
    if (there === undefined) await insertCertificates(query, [certificate]);
    else await returnCertificate(query, there, certificate);
    const { id } = await query
      .selectFrom('certificate')
      .select('id')
      .where('store', '=', store)
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirstOrThrow();
    ids.push(id);
    // Whoever brings it a second time is told so.
    known.push({ ...certificate, id, retiredMs: undefined });
  }
  return ids;
}

/** Of another store than `own` a retired row comes back. */
async function returnCertificate(
  query: Kysely<Schema>,
  there: StoredCertificate,
  certificate: NewCertificate,
): Promise<void> {
  const { store, provenance, addedMs } = certificate;
  // An own certificate that returned would be in use again before those that came after it.
  if (there.retiredMs === undefined || store === 'own')
    throw new Failure('refused', `the certificate stands in the store ${store} already`, {
      hint: there.retiredMs === undefined ? undefined : 'It is retired there for ever; issue another one.',
    });
  await query
    .updateTable('certificate')
    .set({ retired_ms: null, provenance, added_ms: addedMs, ...landedColumns(certificate.landed) })
    .where('id', '=', there.id)
    .execute();
}

export async function landCertificate(query: Kysely<Schema>, id: number, landed: Landed): Promise<void> {
  await query.updateTable('certificate').set(landedColumns(landed)).where('id', '=', id).execute();
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
class KnownKeys {
  readonly #crypto: Pick<Crypto, 'readCertificate'>;
  /** By the serial without leading zeros: a certificate is compared with few. */
  readonly #bySerial = new Map<string, { readonly facts: CertificateFacts; readonly store: string }[]>();

  constructor(crypto: Pick<Crypto, 'readCertificate'>, known: readonly StoredCertificate[]) {
    this.#crypto = crypto;
    for (const { der, store } of known) {
      const facts = crypto.readCertificate(der);
      if (facts !== undefined) this.#keep(facts, store);
    }
  }

  refuseSecond({ der, store }: NewCertificate): void {
    const added = this.#crypto.readCertificate(der);
    if (added === undefined) throw new Failure('format', 'the certificate cannot be read');
    const clash = this.#of(added).find(
      ({ facts }) =>
        !sameKey(facts, added) &&
        // As a TVS would find it; the role does not matter.
        findAnchors([anchorOf('TVS', facts)], added).length > 0,
    );
    if (clash !== undefined)
      throw new Failure(
        'refused',
        `another key has the issuer and serial of ${printable(added.subject)} in the store ${clash.store}`,
        {
          hint: 'A phone that asks for issuer and serial must get one answer: have it issued with a new serial.',
        },
      );
    this.#keep(added, store);
  }

  #keep(facts: CertificateFacts, store: string): void {
    this.#bySerial.set(serialKey(facts), [...this.#of(facts), { facts, store }]);
  }

  #of(facts: CertificateFacts): readonly { readonly facts: CertificateFacts; readonly store: string }[] {
    return this.#bySerial.get(serialKey(facts)) ?? [];
  }
}

function serialKey({ serial }: CertificateFacts): string {
  return toHex(serial).replace(/^(?:00)+(?=..)/, '');
}

function landedColumns(landed: Landed | undefined) {
  return {
    landed_cluster: landed?.cluster ?? null,
    landed_purpose: landed?.purpose ?? null,
    until_ms: landed?.untilMs ?? null,
  };
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
    ...(row.landed_cluster !== null &&
      row.landed_purpose !== null && {
        landed: {
          cluster: row.landed_cluster,
          purpose: row.landed_purpose,
          untilMs: row.until_ms ?? undefined,
        },
      }),
  };
}

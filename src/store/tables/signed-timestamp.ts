/**
 * The database's rule for TIMESTAMP items (design.md §5), per (signer, name): equal content keeps its timestamp, other
 * content gets a later one, also when it is content of the past (rollback); none is ever below the floor that is asked
 * for, which holds the content's own age and the signer's notBefore.
 */
import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

export interface LastSigned {
  readonly contentSha256: string;
  readonly timestamp: number;
}

/** Names one file of one signer. */
export interface SignedName {
  readonly signer: string;
  readonly name: string;
}

export type LastSignedBook = Map<string, LastSigned>;

export function signedKey({ signer, name }: SignedName): string {
  return `${signer} ${name}`;
}

/** Of one statement, by `signedKey`; may hold more than was asked for. */
export async function lastSigned(
  query: Kysely<Schema>,
  names: readonly SignedName[],
): Promise<LastSignedBook> {
  const rows = await query
    .selectFrom('signed_timestamp')
    .selectAll()
    .where('signer', 'in', [...new Set(names.map(({ signer }) => signer))])
    .where('name', 'in', [...new Set(names.map(({ name }) => name))])
    .execute();
  return new Map(
    rows.map((row) => [signedKey(row), { contentSha256: row.content_sha256, timestamp: row.timestamp }]),
  );
}

/** Some of the rows of one mark. */
export async function signedWithMark(
  query: Kysely<Schema>,
  mark: number,
  limit: number,
): Promise<readonly (SignedName & LastSigned)[]> {
  const rows = await query
    .selectFrom('signed_timestamp')
    .selectAll()
    .where('mark', '=', mark)
    .limit(limit)
    .execute();
  return rows.map(({ signer, name, content_sha256: contentSha256, timestamp }) => ({
    signer,
    name,
    contentSha256,
    timestamp,
  }));
}

/** Seconds. */
export async function timestampFloor(query: Kysely<Schema>): Promise<number> {
  const { timestamp_floor: floor } = await query
    .selectFrom('trust_state')
    .select('timestamp_floor')
    .executeTakeFirstOrThrow();
  return floor;
}

/** From now on nothing is signed under an older timestamp. */
export async function raiseTimestampFloor(query: Kysely<Schema>, seconds: number): Promise<void> {
  await query
    .updateTable('trust_state')
    .set({ timestamp_floor: seconds })
    .where('timestamp_floor', '<', seconds)
    .execute();
}

/** Seconds. A phone refuses what is older than what it has, so what differs from the last one is later than it. */
export function nextTimestamp(
  last: LastSigned | undefined,
  contentSha256: string,
  leastSeconds: number,
): number {
  if (!last) return leastSeconds;
  const floor = last.contentSha256 === contentSha256 ? last.timestamp : last.timestamp + 1;
  return Math.max(floor, leastSeconds);
}

export async function putSigned(
  query: Kysely<Schema>,
  signed: readonly (SignedName & LastSigned)[],
  mark: number,
): Promise<void> {
  if (signed.length === 0) return;
  await query
    .insertInto('signed_timestamp')
    .values(
      signed.map(({ signer, name, contentSha256, timestamp }) => ({
        signer,
        name,
        content_sha256: contentSha256,
        timestamp,
        mark,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['signer', 'name']).doUpdateSet((row) => ({
        content_sha256: row.ref('excluded.content_sha256'),
        timestamp: row.ref('excluded.timestamp'),
        mark: row.ref('excluded.mark'),
      })),
    )
    .execute();
}

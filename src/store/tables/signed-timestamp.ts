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

export async function lastSigned(
  query: Kysely<Schema>,
  signer: string,
  name: string,
): Promise<LastSigned | undefined> {
  const row = await query
    .selectFrom('signed_timestamp')
    .selectAll()
    .where('signer', '=', signer)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && { contentSha256: row.content_sha256, timestamp: row.timestamp };
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
  signer: string,
  name: string,
  { contentSha256, timestamp }: LastSigned,
): Promise<void> {
  const values = { content_sha256: contentSha256, timestamp };
  await query
    .insertInto('signed_timestamp')
    .values({ signer, name, ...values })
    .onConflict((conflict) => conflict.columns(['signer', 'name']).doUpdateSet(values))
    .execute();
}

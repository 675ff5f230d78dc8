import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

export async function readRevision(query: Kysely<Schema>): Promise<number> {
  const row = await query.selectFrom('revision').select('number').executeTakeFirstOrThrow();
  return row.number;
}

/** In the transaction that changes what is served. */
export async function bumpRevision(query: Kysely<Schema>): Promise<void> {
  await query
    .updateTable('revision')
    .set(({ eb }) => ({ number: eb('number', '+', 1) }))
    .execute();
}

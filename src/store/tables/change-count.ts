import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

/**
 * The number of this change, for the rows that it writes. Writers exclude each other until they commit, so whoever sees
 * a number sees every row of the numbers below it.
 */
export async function nextMark(query: Kysely<Schema>): Promise<number> {
  const { number } = await query
    .updateTable('change_count')
    .set(({ eb }) => ({ number: eb('number', '+', 1) }))
    .returning('number')
    .executeTakeFirstOrThrow();
  return number;
}

/** The newest mark and revision of one moment: whether a copy is up to date. */
export async function sourceMoment(
  query: Kysely<Schema>,
): Promise<{ readonly mark: number; readonly revision: number }> {
  const row = await query
    .selectFrom(['change_count', 'revision'])
    .select(['change_count.number as mark', 'revision.number as revision'])
    .executeTakeFirstOrThrow();
  return row;
}

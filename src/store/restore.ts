/**
 * What a restored database must know of the time after its backup (design.md §5): phones may hold lists and files
 * that it never wrote. Timestamps go on above them, generation numbers too, and the lists that phones hold become the
 * current ones, so that the next publication is judged against what is in the field and not against the past.
 */
import type { Kysely } from 'kysely';
import type { FieldState } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { timestampFloor } from './tables/signed-timestamp.ts';
import { adoptFieldLists, currentLists } from './tables/trust-list.ts';

export async function readFieldState(query: Kysely<Schema>): Promise<FieldState> {
  const { last } = await query.selectFrom('trust_state').select('last').executeTakeFirstOrThrow();
  const { newest } = await query
    .selectFrom('signed_timestamp')
    .select(({ fn }) => fn.max('timestamp').as('newest'))
    .executeTakeFirstOrThrow();
  const lists = await currentLists(query);
  return {
    generation: last,
    timestampSeconds: Math.max(
      newest ?? 0,
      await timestampFloor(query),
      ...lists.map(({ timestamp }) => timestamp),
    ),
    lists,
  };
}

export async function continueAbove(query: Kysely<Schema>, field: FieldState): Promise<void> {
  const own = await readFieldState(query);
  await query
    .updateTable('trust_state')
    .set({
      last: Math.max(own.generation, field.generation),
      timestamp_floor: Math.max(own.timestampSeconds, field.timestampSeconds) + 1,
    })
    .execute();
  const known = new Set(own.lists.map(({ sha256 }) => sha256));
  if (field.lists.some(({ sha256 }) => !known.has(sha256))) await adoptFieldLists(query, field.lists);
}

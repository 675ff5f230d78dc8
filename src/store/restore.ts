/**
 * What a restored database must know of the time after its backup (design.md §5): phones may hold lists and files
 * that it never wrote. Timestamps go on above them, generation numbers too, and the lists that phones hold become the
 * current ones, so that the next publication is judged against what is in the field and not against the past.
 */
import type { Kysely } from 'kysely';
import type { PublishedList } from '../core/cluster/model.ts';
import type { FieldState } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { timestampFloor } from './tables/signed-timestamp.ts';
import { adoptGeneration, currentLists, listPublished } from './tables/trust-list.ts';

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
    published: await listPublished(query),
  };
}

/** What a database becomes that goes on above what phones may hold. */
export interface Continuation {
  /** Generations that are new to it, under the numbers that they get. */
  readonly adopted: readonly { readonly number: number; readonly lists: readonly PublishedList[] }[];
  /** In force; undefined leaves what is. */
  readonly current: number | undefined;
  readonly last: number;
  readonly floorSeconds: number;
}

export function continuationOf(own: FieldState, field: FieldState): Continuation {
  let last = Math.max(own.generation, field.generation);
  let current: number | undefined;
  const adopted: { number: number; lists: readonly PublishedList[] }[] = [];
  for (const number of new Set(field.published.map(({ generation }) => generation))) {
    const lists = field.published.filter(({ generation }) => generation === number);
    const isOurs = own.published.some(
      ({ generation, sha256 }) => generation === number && lists.some((list) => list.sha256 === sha256),
    );
    // Above the backup's own the numbers are free; below it another copy of the database went its own way.
    const kept = isOurs || number > own.generation ? number : ++last;
    if (!isOurs) adopted.push({ number: kept, lists });
    if (number === field.lists[0]?.generation) current = kept;
  }
  const floorSeconds = Math.max(own.timestampSeconds, field.timestampSeconds) + 1;
  return { adopted, current, last, floorSeconds };
}

export async function continueAbove(query: Kysely<Schema>, field: FieldState): Promise<void> {
  const { adopted, current, last, floorSeconds } = continuationOf(await readFieldState(query), field);
  for (const { number, lists } of adopted) await adoptGeneration(query, number, lists);
  await query
    .updateTable('trust_state')
    .set({ last, timestamp_floor: floorSeconds, ...(current !== undefined && { current }) })
    .execute();
}

/**
 * Generations of trust lists. A generation is staged, then published, and never changes again; a staged one is seen
 * by nobody else, and what a crash or a refusal left staged goes when the next one is staged. Numbers only rise.
 */
import type { Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import type { PublishedList } from '../../core/cluster/model.ts';
import type { NewList } from '../../core/ports.ts';
import type { GenerationTable, Schema, TrustListTable } from '../schema.ts';

export async function currentGeneration(query: Kysely<Schema>): Promise<number | undefined> {
  const state = await query.selectFrom('trust_state').select('current').executeTakeFirstOrThrow();
  return state.current ?? undefined;
}

/** Of one statement, so that pointer and lists are of one moment. */
export async function currentLists(query: Kysely<Schema>): Promise<readonly PublishedList[]> {
  const rows = await query
    .selectFrom('trust_list')
    .innerJoin('trust_state', 'trust_state.current', 'trust_list.generation')
    .selectAll('trust_list')
    .orderBy('kind')
    .orderBy('node')
    .execute();
  return rows.map(listOf);
}

/** Empty when that generation was never published. */
export function listGeneration(query: Kysely<Schema>, generation: number): Promise<readonly PublishedList[]> {
  return listsInState(query, generation, 'published');
}

export async function listPublished(query: Kysely<Schema>): Promise<readonly PublishedList[]> {
  const rows = await query
    .selectFrom('trust_list')
    .innerJoin('generation', 'generation.number', 'trust_list.generation')
    .selectAll('trust_list')
    .where('generation.state', '=', 'published')
    .orderBy('generation.number')
    .orderBy('kind')
    .orderBy('node')
    .execute();
  return rows.map(listOf);
}

export function stagedLists(query: Kysely<Schema>, generation: number): Promise<readonly PublishedList[]> {
  return listsInState(query, generation, 'staged');
}

/** The number of the staged generation. */
export async function stageLists(query: Kysely<Schema>, lists: readonly NewList[]): Promise<number> {
  const left = await query.selectFrom('generation').select('number').where('state', '=', 'staged').execute();
  for (const { number } of left) await discardStaged(query, number);
  const { last } = await query
    .updateTable('trust_state')
    .set(({ eb }) => ({ last: eb('last', '+', 1) }))
    .returning('last')
    .executeTakeFirstOrThrow();
  await insertGeneration(query, { number: last, state: 'staged' }, lists);
  return last;
}

/** Lists that phones hold already become generation 0, which nobody else can get. */
export async function adoptLists(query: Kysely<Schema>, lists: readonly NewList[]): Promise<void> {
  await insertGeneration(query, { number: 0, state: 'published' }, lists);
  await query.updateTable('trust_state').set({ current: 0 }).execute();
}

/** Lists of another copy of this database that phones hold. */
export async function adoptGeneration(
  query: Kysely<Schema>,
  number: number,
  lists: readonly NewList[],
): Promise<void> {
  await insertGeneration(query, { number, state: 'published' }, lists);
}

async function insertGeneration(
  query: Kysely<Schema>,
  generation: GenerationTable,
  lists: readonly NewList[],
): Promise<void> {
  await query.insertInto('generation').values(generation).execute();
  for (const { kind, node, bytes, signer, sha256, timestamp, publishedMs } of lists)
    await query
      .insertInto('trust_list')
      .values({
        generation: generation.number,
        kind,
        node,
        bytes,
        signer,
        sha256,
        timestamp,
        published_ms: publishedMs,
      })
      .execute();
}

/** Takes back one staged generation; a published one stays. */
export async function discardStaged(query: Kysely<Schema>, generation: number): Promise<void> {
  const staged = await query
    .selectFrom('generation')
    .select('number')
    .where('number', '=', generation)
    .where('state', '=', 'staged')
    .executeTakeFirst();
  if (!staged) return;
  await query.deleteFrom('trust_list').where('generation', '=', generation).execute();
  await query.deleteFrom('generation').where('number', '=', generation).execute();
}

/** A staged generation gives way to a later one: at one time one publication is under way. */
export function overtaken(): Failure {
  return new Failure('storage-busy', 'another publication came in between', {
    hint: 'Look at the current lists and repeat.',
  });
}

/**
 * Moves the pointer. Failure `storage-busy` when, since it was staged, somebody published or staged:
 * what was checked is then not what would be replaced.
 */
export async function makeCurrent(
  query: Kysely<Schema>,
  generation: number,
  replacing: number | undefined,
): Promise<void> {
  const { numUpdatedRows: published } = await query
    .updateTable('generation')
    .set({ state: 'published' })
    .where('number', '=', generation)
    .where('state', '=', 'staged')
    .executeTakeFirstOrThrow();
  if (published !== 1n || (await currentGeneration(query)) !== replacing) throw overtaken();
  await query.updateTable('trust_state').set({ current: generation }).execute();
}

async function listsInState(
  query: Kysely<Schema>,
  generation: number,
  state: 'staged' | 'published',
): Promise<readonly PublishedList[]> {
  const rows = await query
    .selectFrom('trust_list')
    .innerJoin('generation', 'generation.number', 'trust_list.generation')
    .selectAll('trust_list')
    .where('generation.number', '=', generation)
    .where('generation.state', '=', state)
    .orderBy('kind')
    .orderBy('node')
    .execute();
  return rows.map(listOf);
}

function listOf(row: Selectable<TrustListTable>): PublishedList {
  return {
    generation: row.generation,
    kind: row.kind,
    node: row.node,
    bytes: Uint8Array.from(row.bytes),
    signer: row.signer,
    sha256: row.sha256,
    timestamp: row.timestamp,
    publishedMs: row.published_ms,
  };
}

/** One batch of an import: every device wholly or not at all, those that are there already untouched. */
import type { Kysely } from 'kysely';
import type { LRUCache } from 'lru-cache';
import type { ImportedDevice, ImportOutcome } from '../../core/devices/device-store.ts';
import { differences, type DocumentTemplate } from '../../core/render/document.ts';
import type { ColumnTypes } from '../database.ts';
import type { Schema } from '../schema.ts';
import { nextMark } from './change-count.ts';
import { findTemplate } from './device-source.ts';
import { columnsOf, lineColumnsOf, newAt } from './device.ts';

export async function importBatch(
  query: Kysely<Schema>,
  { randomSalt }: ColumnTypes,
  templates: LRUCache<string, DocumentTemplate>,
  batch: readonly ImportedDevice[],
): Promise<readonly ImportOutcome[]> {
  if (batch.length === 0) return [];
  const rows = await query
    .selectFrom('device')
    .select(['name', 'source_sha256'])
    .where(
      'name',
      'in',
      batch.map(({ device }) => device.name),
    )
    .execute();
  const known = new Map(rows.map((row) => [row.name, row.source_sha256]));
  const outcomes: ImportOutcome[] = [];
  const added: ImportedDevice[] = [];
  for (const item of batch) {
    const { name } = item.device;
    const there = known.get(name);
    if (there === undefined) {
      added.push(item);
      known.set(name, item.sourceSha256);
    }
    outcomes.push(there === undefined ? 'added' : there === item.sourceSha256 ? 'same' : 'exists');
  }
  if (added.length === 0) return outcomes;
  const values = [];
  const mark = await nextMark(query);
  for (const item of added)
    values.push({
      ...columnsOf(item.device),
      ...newAt(item.device.addedMs),
      ...(await documentColumns(query, templates, item.document)),
      source_sha256: item.sourceSha256,
      salt: randomSalt,
      mark,
    });
  await query.insertInto('device').values(values).execute();
  const lines = added.flatMap(({ device }) => lineColumnsOf(device));
  if (lines.length > 0) await query.insertInto('device_line').values(lines).execute();
  return outcomes;
}

async function documentColumns(
  query: Kysely<Schema>,
  templates: LRUCache<string, DocumentTemplate>,
  own: DocumentTemplate | undefined,
): Promise<{ template: string | null; document_values: string | null }> {
  if (own === undefined) return { template: null, document_values: null };
  let template = await findTemplate(query, templates, own.id);
  if (template === undefined) {
    await query
      .insertInto('document_template')
      .values({ id: own.id, document: JSON.stringify(own) })
      .execute();
    template = own;
  }
  return { template: own.id, document_values: JSON.stringify(differences(template, own).values) };
}

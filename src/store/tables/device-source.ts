/** A device with all that its configuration is built from. */
import type { Kysely } from 'kysely';
import type { LRUCache } from 'lru-cache';
import type { StoredSource } from '../../core/devices/device-store.ts';
import type { DeviceDocument, DocumentTemplate } from '../../core/render/document.ts';
import type { Schema } from '../schema.ts';
import { findDeviceRow } from './device.ts';

export async function findBuildSource(
  query: Kysely<Schema>,
  templates: LRUCache<string, DocumentTemplate>,
  name: string,
): Promise<StoredSource | undefined> {
  const found = await findDeviceRow(query, name);
  if (found === undefined) return undefined;
  const { row, device } = found;
  const template = row.template === null ? undefined : await findTemplate(query, templates, row.template);
  const document: DeviceDocument | undefined = template && {
    template,
    values: JSON.parse(row.document_values ?? '{}') as Record<number, string>,
  };
  return { device, document, salt: row.salt, changedMs: row.changed_ms };
}

export async function findTemplate(
  query: Kysely<Schema>,
  templates: LRUCache<string, DocumentTemplate>,
  id: string,
): Promise<DocumentTemplate | undefined> {
  const known = templates.get(id);
  if (known !== undefined) return known;
  const row = await query
    .selectFrom('document_template')
    .select('document')
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const template = JSON.parse(row.document) as DocumentTemplate;
  templates.set(id, template);
  return template;
}

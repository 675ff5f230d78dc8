/** Writes the documents that are made from the settings' schema. Run: npx tsx tools/docs/config.ts */
import { mkdirSync, writeFileSync } from 'node:fs';
import { renderJsonSchema, renderReference } from '../../src/config/reference.ts';

const folder = new URL('../../docs/reference/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('config.schema.json', folder), renderJsonSchema());
writeFileSync(new URL('configuration.md', folder), renderReference());

import type { Migration } from './migration.ts';

/** Own and trusted certificates with where they came from; a retired one stays as history. */
export const certificate: Migration = {
  number: 2,
  name: 'certificate',
  async up({ schema }, { blob, time, id, idType, tableEnd }) {
    await schema
      .createTable('certificate')
      .addColumn('id', idType, id)
      .addColumn('store', 'text', (column) => column.notNull())
      .addColumn('purpose', 'text')
      .addColumn('node', 'text', (column) => column.references('node.name'))
      .addColumn('der', blob, (column) => column.notNull())
      .addColumn('fingerprint', 'text', (column) => column.notNull())
      .addColumn('provenance', 'text', (column) => column.notNull())
      .addColumn('added_ms', time, (column) => column.notNull())
      .addColumn('retired_ms', time)
      .addUniqueConstraint('certificate_once_per_store', ['store', 'fingerprint'])
      .modifyEnd(tableEnd)
      .execute();
  },
};

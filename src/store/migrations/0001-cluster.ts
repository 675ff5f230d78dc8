import type { Migration } from './migration.ts';

/** The cluster this data belongs to (one row) and its nodes. */
export const cluster: Migration = {
  number: 1,
  name: 'cluster',
  async up({ schema }, { time, tableEnd }) {
    await schema
      .createTable('cluster')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('mode', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('created_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('node')
      .addColumn('name', 'text', (column) => column.notNull().primaryKey())
      .addColumn('created_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
  },
};

import type { Migration } from './migration.ts';

/** The bulk exchange: where a certificate came from and until when it counts, accepted clusters, our own counter. */
export const bulk: Migration = {
  number: 11,
  name: 'bulk',
  async up(transaction, { time, tableEnd }) {
    const { schema } = transaction;
    for (const column of ['landed_cluster', 'landed_purpose'])
      await schema.alterTable('certificate').addColumn(column, 'text').execute();
    await schema.alterTable('certificate').addColumn('until_ms', time).execute();
    await schema
      .createTable('bulk_peer')
      .addColumn('cluster', 'text', (column) => column.notNull().primaryKey())
      .addColumn('signer', 'text', (column) => column.notNull())
      .addColumn('counter', time, (column) => column.notNull())
      .addColumn('manifest_sha256', 'text')
      .addColumn('accepted_ms', time, (column) => column.notNull())
      .addColumn('accepted_by', 'text', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('bulk_export')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('counter', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
  },
};

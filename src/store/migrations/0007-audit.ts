import type { Migration } from './migration.ts';

/** Who changed trust and why, hash-chained (core/audit/audit-chain.ts). */
export const audit: Migration = {
  number: 7,
  name: 'audit',
  async up(transaction, { time, tableEnd, appendOnly }) {
    await transaction.schema
      .createTable('audit')
      .addColumn('seq', 'integer', (column) => column.notNull().primaryKey())
      .addColumn('at_ms', time, (column) => column.notNull())
      .addColumn('who', 'text', (column) => column.notNull())
      .addColumn('operation', 'text', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('previous', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    for (const statement of appendOnly('audit')) await statement.execute(transaction);
  },
};

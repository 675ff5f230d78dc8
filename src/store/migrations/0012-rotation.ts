import type { Migration } from './migration.ts';

/** Guided renewals under way: which of the two listed certificates is in use, and by when it goes on without waiting. */
export const rotation: Migration = {
  number: 12,
  name: 'rotation',
  async up(transaction, { time, tableEnd }) {
    await transaction.schema
      .createTable('rotation')
      .addColumn('purpose', 'text', (column) => column.notNull().primaryKey())
      .addColumn('fresh', 'text', (column) => column.notNull())
      .addColumn('step', 'text', (column) => column.notNull())
      .addColumn('step_ms', time, (column) => column.notNull())
      .addColumn('until_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
  },
};

import type { Insertable } from 'kysely';
import type { RevisionTable } from '../schema.ts';
import type { Migration } from './migration.ts';

/** How often what is served has changed: servers ask for this one number. */
export const revision: Migration = {
  number: 6,
  name: 'revision',
  async up(transaction, { time, tableEnd, announce }) {
    await transaction.schema
      .createTable('revision')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('number', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    const start: Insertable<RevisionTable> = { singleton: 1, number: 1 };
    await transaction
      .withTables<{ revision: RevisionTable }>()
      .insertInto('revision')
      .values(start)
      .execute();
    for (const statement of announce('revision', 'number')) await statement.execute(transaction);
  },
};

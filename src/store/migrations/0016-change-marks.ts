import type { Insertable } from 'kysely';
import type { ChangeCountTable } from '../schema.ts';
import type { Migration } from './migration.ts';

/** What copies of the database ask for: the number of the change that wrote a row. And the nodes that serve it. */
export const changeMarks: Migration = {
  number: 16,
  name: 'change-marks',
  async up(transaction, { time, tableEnd }) {
    const { schema } = transaction;
    await schema
      .createTable('change_count')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('number', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    const start: Insertable<ChangeCountTable> = { singleton: 1, number: 0 };
    await transaction
      .withTables<{ change_count: ChangeCountTable }>()
      .insertInto('change_count')
      .values(start)
      .execute();
    for (const table of ['device', 'device_home', 'signed_timestamp']) {
      await schema
        .alterTable(table)
        .addColumn('mark', time, (column) => column.notNull().defaultTo(0))
        .execute();
      await schema.createIndex(`${table}_mark`).on(table).column('mark').execute();
    }
    await schema
      .createTable('device_gone')
      .addColumn('name', 'text', (column) => column.notNull().primaryKey())
      .addColumn('mark', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('node_state')
      .addColumn('node', 'text', (column) => column.notNull().primaryKey().references('node.name'))
      .addColumn('version', time, (column) => column.notNull())
      .addColumn('served_ms', time, (column) => column.notNull())
      .addColumn('heard_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
  },
};

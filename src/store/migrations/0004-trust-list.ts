import type { Insertable } from 'kysely';
import type { TrustStateTable } from '../schema.ts';
import type { Migration } from './migration.ts';

/** Generations of trust lists, and the pointer to the one that is served. */
export const trustList: Migration = {
  number: 4,
  name: 'trust-list',
  async up(transaction, { blob, time, tableEnd }) {
    const { schema } = transaction;
    await schema
      .createTable('generation')
      .addColumn('number', 'integer', (column) => column.notNull().primaryKey())
      .addColumn('state', 'text', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('trust_list')
      .addColumn('generation', 'integer', (column) => column.notNull().references('generation.number'))
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('node', 'text', (column) => column.notNull())
      .addColumn('bytes', blob, (column) => column.notNull())
      .addColumn('signer', 'text', (column) => column.notNull())
      .addColumn('sha256', 'text', (column) => column.notNull())
      .addColumn('timestamp', time, (column) => column.notNull())
      .addColumn('published_ms', time, (column) => column.notNull())
      .addPrimaryKeyConstraint('trust_list_key', ['generation', 'kind', 'node'])
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('trust_state')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('current', 'integer', (column) => column.references('generation.number'))
      .addColumn('last', 'integer', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    const start: Insertable<TrustStateTable> = { singleton: 1, current: null, last: 0 };
    await transaction
      .withTables<{ trust_state: TrustStateTable }>()
      .insertInto('trust_state')
      .values(start)
      .execute();
  },
};

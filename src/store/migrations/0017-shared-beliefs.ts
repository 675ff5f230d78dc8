import type { Migration } from './migration.ts';

/** What each node of a cluster of several heard of phones (src/store/beliefs.ts), for the plans of the others. */
export const sharedBeliefs: Migration = {
  number: 17,
  name: 'shared-beliefs',
  async up({ schema }, { time, tableEnd }) {
    await schema
      .createTable('belief')
      .addColumn('node', 'text', (column) => column.notNull())
      .addColumn('device', 'text', (column) => column.notNull())
      .addColumn('pairs', 'text', (column) => column.notNull())
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('heard_ms', time, (column) => column.notNull())
      .addColumn('proved_ms', time)
      .addColumn('unanswered', 'integer', (column) => column.notNull())
      .addColumn('gap', 'integer', (column) => column.notNull())
      .addColumn('deliveries', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('belief_key', ['node', 'device'])
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('belief_gap')
      .addColumn('node', 'text', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('at_ms', time, (column) => column.notNull())
      .addColumn('pairs', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('belief_gap_key', ['node', 'number'])
      .modifyEnd(tableEnd)
      .execute();
  },
};

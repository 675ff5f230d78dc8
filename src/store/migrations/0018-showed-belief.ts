import type { Migration } from './migration.ts';

/** By whose signature a phone showed that it takes files, and the configurations that it left unanswered since. */
export const showedBelief: Migration = {
  number: 18,
  name: 'showed-belief',
  async up({ schema }, { time }) {
    await schema.alterTable('belief').addColumn('showed_ms', time).execute();
    await schema.alterTable('belief').addColumn('showed_signer', 'text').execute();
    await schema
      .alterTable('belief')
      .addColumn('unanswered_configs', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  },
};

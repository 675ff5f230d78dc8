import type { Migration } from './migration.ts';

/** Who asked the TVS of each node of a cluster of several for signers that it does not know (src/node/tvs-file.ts). */
export const tvsReports: Migration = {
  number: 23,
  name: 'tvs-reports',
  async up({ schema }, { tableEnd }) {
    await schema
      .createTable('tvs_report')
      .addColumn('node', 'text', (column) => column.primaryKey().notNull())
      .addColumn('unknown_signers', 'text', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
  },
};

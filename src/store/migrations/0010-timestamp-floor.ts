import type { Migration } from './migration.ts';

/** Below this no file is signed: what a restored backup does not know, phones may hold already. */
export const timestampFloor: Migration = {
  number: 10,
  name: 'timestamp-floor',
  async up({ schema }, { time }) {
    await schema
      .alterTable('trust_state')
      .addColumn('timestamp_floor', time, (column) => column.notNull().defaultTo(0))
      .execute();
  },
};

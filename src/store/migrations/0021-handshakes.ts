import type { Migration } from './migration.ts';

/** With whom a phone that named itself completed handshakes (core/trust/handshake.ts). */
export const handshakes: Migration = {
  number: 21,
  name: 'handshakes',
  async up({ schema }) {
    await schema
      .alterTable('belief')
      .addColumn('handshakes', 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  },
};

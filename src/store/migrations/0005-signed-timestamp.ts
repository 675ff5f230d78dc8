import type { Migration } from './migration.ts';

/** The last timestamp under which each name was signed by each signer, and what its content was. */
export const signedTimestamp: Migration = {
  number: 5,
  name: 'signed-timestamp',
  async up({ schema }, { time, tableEnd }) {
    await schema
      .createTable('signed_timestamp')
      .addColumn('signer', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('content_sha256', 'text', (column) => column.notNull())
      .addColumn('timestamp', time, (column) => column.notNull())
      .addPrimaryKeyConstraint('signed_timestamp_key', ['signer', 'name'])
      .modifyEnd(tableEnd)
      .execute();
  },
};

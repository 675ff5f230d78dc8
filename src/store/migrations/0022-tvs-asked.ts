import type { Migration } from './migration.ts';

/** Whom the TVS of some node vouched to for a signer of files lately; '' for an address: anybody; for a device: not said. */
export const tvsAsked: Migration = {
  number: 22,
  name: 'tvs-asked',
  async up({ schema }, { time, tableEnd }) {
    await schema
      .createTable('tvs_asked')
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('device', 'text', (column) => column.notNull())
      .addColumn('asked_ms', time, (column) => column.notNull())
      .addPrimaryKeyConstraint('tvs_asked_key', ['address', 'device'])
      .modifyEnd(tableEnd)
      .execute();
    await schema.createIndex('tvs_asked_device').on('tvs_asked').column('device').execute();
  },
};

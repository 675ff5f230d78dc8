import type { Migration } from './migration.ts';

/** Devices whose plain configuration never leaves. */
export const encryptedOnly: Migration = {
  number: 14,
  name: 'encrypted-only',
  async up({ schema }) {
    await schema
      .alterTable('device')
      .addColumn('encrypted_only', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};

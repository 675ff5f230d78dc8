import type { Migration } from './migration.ts';

/** Devices by name, each with its lines. */
export const device: Migration = {
  number: 3,
  name: 'device',
  async up({ schema }, { blob, time, tableEnd }) {
    await schema
      .createTable('device')
      .addColumn('name', 'text', (column) => column.notNull().primaryKey())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('protocol', 'text', (column) => column.notNull())
      .addColumn('security', 'text', (column) => column.notNull())
      .addColumn('certificate_der', blob)
      .addColumn('added_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('device_line')
      .addColumn('device', 'text', (column) => column.notNull().references('device.name').onDelete('cascade'))
      .addColumn('line', 'integer', (column) => column.notNull())
      .addColumn('extension', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('device_line_key', ['device', 'line'])
      .modifyEnd(tableEnd)
      .execute();
  },
};

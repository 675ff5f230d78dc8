import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/**
 * What configurations are built from: the provisioning as one document, what a device has of its own, and the
 * documents of imported ones: a skeleton that many share, and what each has in its slots.
 */
export const provisioning: Migration = {
  number: 8,
  name: 'provisioning',
  async up(transaction, { time, tableEnd, randomSalt }) {
    const { schema } = transaction;
    await schema
      .createTable('provisioning')
      .addColumn('singleton', 'integer', (column) => column.primaryKey())
      .addColumn('document', 'text')
      .addColumn('salt', 'text', (column) => column.notNull())
      .addColumn('changed_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await sql`insert into provisioning (singleton, salt, changed_ms) values (1, ${randomSalt}, 0)`.execute(
      transaction,
    );
    await schema
      .createTable('document_template')
      .addColumn('id', 'text', (column) => column.notNull().primaryKey())
      .addColumn('document', 'text', (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    for (const column of ['pool', 'load', 'overrides', 'source_sha256', 'document_values'])
      await schema.alterTable('device').addColumn(column, 'text').execute();
    await schema
      .alterTable('device')
      .addColumn('template', 'text', (column) => column.references('document_template.id'))
      .execute();
    await schema
      .alterTable('device')
      .addColumn('salt', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    for (const column of ['changed_ms', 'reset_ms'])
      await schema
        .alterTable('device')
        .addColumn(column, time, (definition) => definition.notNull().defaultTo(0))
        .execute();
    await sql`update device set salt = ${randomSalt}, changed_ms = added_ms, reset_ms = added_ms`.execute(
      transaction,
    );
    await schema.createIndex('device_changed').on('device').column('changed_ms').execute();
    for (const column of ['label', 'display_name', 'auth_name', 'auth_password'])
      await schema.alterTable('device_line').addColumn(column, 'text').execute();
  },
};

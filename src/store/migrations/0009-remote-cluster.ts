import type { Migration } from './migration.ts';

/** Remote clusters, what their servers were found to hold, and the homes of devices. */
export const remoteCluster: Migration = {
  number: 9,
  name: 'remote-cluster',
  async up({ schema }, { blob, time, id, idType, tableEnd }) {
    await schema
      .createTable('remote_cluster')
      .addColumn('seq', idType, id)
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('servers', 'text', (column) => column.notNull())
      .addColumn('secure', 'integer', (column) => column.notNull())
      .addColumn('pin', 'text')
      .addColumn('pinned_ms', time)
      .addColumn('common', 'text', (column) => column.notNull())
      .addColumn('verify', 'text')
      .addColumn('asks', 'text', (column) => column.notNull())
      .addColumn('added_ms', time, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('remote_server')
      .addColumn('cluster', 'text', (column) =>
        column.notNull().references('remote_cluster.id').onDelete('cascade'),
      )
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('probed_ms', time, (column) => column.notNull())
      .addColumn('frozen', 'text')
      .addColumn('evidence', 'text')
      .addPrimaryKeyConstraint('remote_server_key', ['cluster', 'server'])
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('remote_list')
      .addColumn('cluster', 'text', (column) =>
        column.notNull().references('remote_cluster.id').onDelete('cascade'),
      )
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('bytes', blob, (column) => column.notNull())
      .addColumn('sha256', 'text', (column) => column.notNull())
      .addColumn('seen_ms', time, (column) => column.notNull())
      .addPrimaryKeyConstraint('remote_list_key', ['cluster', 'server', 'kind'])
      .modifyEnd(tableEnd)
      .execute();
    await schema
      .createTable('device_home')
      .addColumn('device', 'text', (column) => column.notNull().primaryKey())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('cluster', 'text', (column) => column.references('remote_cluster.id').onDelete('cascade'))
      .addColumn('confirmed_ms', time, (column) => column.notNull())
      .addColumn('moved_ms', time)
      .modifyEnd(tableEnd)
      .execute();
    await schema.createIndex('device_home_moved').on('device_home').column('moved_ms').execute();
  },
};

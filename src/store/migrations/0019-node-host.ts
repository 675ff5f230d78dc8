import type { Migration } from './migration.ts';

/** Phones may come to know a node by another host name; rows and its folder go on calling it as they do. */
export const nodeHost: Migration = {
  number: 19,
  name: 'node-host',
  async up({ schema }) {
    await schema.alterTable('node').addColumn('host', 'text').execute();
  },
};

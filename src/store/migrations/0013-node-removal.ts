import type { Migration } from './migration.ts';

/** Nodes leave a cluster; what they were stays as history. */
export const nodeRemoval: Migration = {
  number: 13,
  name: 'node-removal',
  async up({ schema }, { time }) {
    await schema.alterTable('node').addColumn('removed_ms', time).execute();
  },
};

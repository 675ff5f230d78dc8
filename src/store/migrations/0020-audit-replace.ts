import type { Migration } from './migration.ts';

/** `replace into` takes the row away that is in its place, and SQLite asks no trigger about that. */
export const auditReplace: Migration = {
  number: 20,
  name: 'audit-replace',
  async up(transaction, { refuseReplacing }) {
    for (const statement of refuseReplacing('audit', 'seq')) await statement.execute(transaction);
  },
};

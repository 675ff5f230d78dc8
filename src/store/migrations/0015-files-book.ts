import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** Signed files have one book of timestamps instead of one for each signer; lists keep theirs. */
export const filesBook: Migration = {
  number: 15,
  name: 'files-book',
  async up(transaction) {
    await sql`insert into signed_timestamp (signer, name, content_sha256, timestamp)
      select 'files', name, max(content_sha256), max(timestamp) from signed_timestamp
      where name not in ('ITLFile.tlv', 'CTLFile.tlv') group by name`.execute(transaction);
    await sql`delete from signed_timestamp
      where signer <> 'files' and name not in ('ITLFile.tlv', 'CTLFile.tlv')`.execute(transaction);
  },
};

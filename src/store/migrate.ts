/**
 * Brings a database forward to this program's schema when it is opened: the missing migrations in their order,
 * all in one transaction. Refuses a database that a newer program has already moved on, and to write to one that
 * was opened for reading.
 */
import type { Kysely, Transaction } from 'kysely';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import type { ColumnTypes, Database } from './database.ts';
import { cluster } from './migrations/0001-cluster.ts';
import { certificate } from './migrations/0002-certificate.ts';
import { device } from './migrations/0003-device.ts';
import { trustList } from './migrations/0004-trust-list.ts';
import { signedTimestamp } from './migrations/0005-signed-timestamp.ts';
import { revision } from './migrations/0006-revision.ts';
import { audit } from './migrations/0007-audit.ts';
import { provisioning } from './migrations/0008-provisioning.ts';
import { remoteCluster } from './migrations/0009-remote-cluster.ts';
import { timestampFloor } from './migrations/0010-timestamp-floor.ts';
import { bulk } from './migrations/0011-bulk.ts';
import { rotation } from './migrations/0012-rotation.ts';
import { nodeRemoval } from './migrations/0013-node-removal.ts';
import { encryptedOnly } from './migrations/0014-encrypted-only.ts';
import { filesBook } from './migrations/0015-files-book.ts';
import { changeMarks } from './migrations/0016-change-marks.ts';
import { sharedBeliefs } from './migrations/0017-shared-beliefs.ts';
import { showedBelief } from './migrations/0018-showed-belief.ts';
import { nodeHost } from './migrations/0019-node-host.ts';
import { auditReplace } from './migrations/0020-audit-replace.ts';
import { handshakes } from './migrations/0021-handshakes.ts';
import { tvsAsked } from './migrations/0022-tvs-asked.ts';
import { tvsReports } from './migrations/0023-tvs-reports.ts';
import type { Migration } from './migrations/migration.ts';
import type { Schema } from './schema.ts';

export const migrations: readonly Migration[] = [
  cluster,
  certificate,
  device,
  trustList,
  signedTimestamp,
  revision,
  audit,
  provisioning,
  remoteCluster,
  timestampFloor,
  bulk,
  rotation,
  nodeRemoval,
  encryptedOnly,
  filesBook,
  changeMarks,
  sharedBeliefs,
  showedBelief,
  nodeHost,
  auditReplace,
  handshakes,
  tvsAsked,
  tvsReports,
];

/** `steps` is all of them but in the test of an upgrade. */
export async function migrate(
  database: Database,
  options: { readonly readonly: boolean; readonly steps?: readonly Migration[] },
): Promise<void> {
  const steps = options.steps ?? migrations;
  assert(
    steps.every(({ number }, index) => number === index + 1),
    'migrations are numbered from 1',
  );
  // The usual case needs no lock: nothing is missing.
  const found = await versionOf(database.query);
  refuseNewer(found, steps.length);
  if (found === steps.length) return;
  if (options.readonly)
    throw new Failure(
      'storage-unreadable',
      `the database has schema ${found}, this program needs ${steps.length}`,
      {
        hint: 'Start the server, or run any command that changes something, to bring it forward.',
      },
    );
  await database.write(async (transaction) => {
    const now = await versionOf(transaction);
    refuseNewer(now, steps.length);
    if (now === 0) await createTable(transaction, database.columns);
    for (const step of steps.slice(now)) {
      // A step knows the tables as they were in its time, not today's schema.
      await step.up(transaction as unknown as Transaction<unknown>, database.columns);
      await transaction
        .insertInto('schema_migration')
        .values({ number: step.number, name: step.name })
        .execute();
    }
  });
}

/** 0 for an empty database. */
async function versionOf(query: Kysely<Schema>): Promise<number> {
  const tables = await query.introspection.getTables();
  if (!tables.some(({ name }) => name === 'schema_migration')) return 0;
  const { newest } = await query
    .selectFrom('schema_migration')
    .select(({ fn }) => fn.max('number').as('newest'))
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

function refuseNewer(found: number, known: number): void {
  if (found <= known) return;
  throw new Failure('storage-unreadable', `the database has schema ${found}, this program knows ${known}`, {
    hint: 'It was written by a newer tftp-pki: use that one, or restore a backup made by this one.',
  });
}

async function createTable({ schema }: Transaction<Schema>, { tableEnd }: ColumnTypes): Promise<void> {
  await schema
    .createTable('schema_migration')
    .addColumn('number', 'integer', (column) => column.notNull().primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute();
}

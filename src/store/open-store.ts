/**
 * The `Store` port: the tables behind their operations, each change one short transaction.
 * The same for every database; which one it is, is decided in `openStore`. What changes trust brings its audit row,
 * and what changes what is served counts the revision, both in the transaction of the change.
 */
import type { Transaction } from 'kysely';
import type { Crypto, Store } from '../core/ports.ts';
import { createBulkStore } from './bulk-store.ts';
import { liftTimestamps } from './change.ts';
import type { Database } from './database.ts';
import { createDeviceStore } from './device-store.ts';
import { migrate } from './migrate.ts';
import { publish } from './publish.ts';
import { createRemoteStore } from './remote-store.ts';
import { continueAbove, readFieldState } from './restore.ts';
import type { Schema } from './schema.ts';
import type { PostgresOptions } from './postgres.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';
import { createAuditWriter, listAudit } from './tables/audit.ts';
import { listBeliefs, putBeliefs } from './tables/belief.ts';
import { listTvsReports, putTvsReport } from './tables/tvs-report.ts';
import {
  addCertificate,
  insertCertificates,
  listCertificates,
  retireCertificate,
} from './tables/certificate.ts';
import { insertCluster, readCluster } from './tables/cluster.ts';
import { insertNode, listNodes } from './tables/node.ts';
import { listNodeStates } from './tables/node-state.ts';
import { bumpRevision, readRevision } from './tables/revision.ts';
import { listRotations } from './tables/rotation.ts';
import { adoptLists, currentLists, listGeneration, listPublished } from './tables/trust-list.ts';
import { timestampFloor } from './tables/signed-timestamp.ts';
import { findTvsAskers, putTvsAskers } from './tables/tvs-asked.ts';
import { createTimestamps } from './timestamps.ts';

export type StoreOptions = (SqliteOptions | PostgresOptions) & {
  /** Reads certificates that come in and seals the audit. */
  readonly crypto: Crypto;
  /** The node of the folder, where the database serves several. */
  readonly thisNode?: string | undefined;
  /** Why trust is changed, for the audit. */
  readonly reason?: string | undefined;
};

/** Opens a node's database and brings its schema forward. `create` is for `init`: otherwise it must be there. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const database = await openMigrated(await openDatabase(options), options.readonly);
  return createStore(database, options.crypto, options.thisNode, options.reason);
}

/** The same database, with this program's schema; closed when it cannot have it. */
export async function openMigrated(database: Database, readonly = false): Promise<Database> {
  try {
    await migrate(database, { readonly });
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openDatabase(options: StoreOptions): Promise<Database> {
  if (!('url' in options)) return openSqlite(options);
  const { openPostgres } = await import('./postgres.ts');
  return openPostgres(options);
}

export function createStore(database: Database, crypto: Crypto, thisNode?: string, reason?: string): Store {
  const { query } = database;
  const appendAudit = createAuditWriter(crypto, reason);
  const change = <T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> =>
    database.write(async (transaction) => {
      const result = await work(transaction);
      await bumpRevision(transaction);
      return result;
    });
  return {
    ...createDeviceStore(database),
    ...createBulkStore(database, crypto, appendAudit),
    ...createRemoteStore(database, appendAudit),
    thisNode,
    readCluster: () => readCluster(query),
    listNodes: () => listNodes(query),
    listCertificates: () => listCertificates(query),
    listRotations: () => listRotations(query),
    currentLists: () => currentLists(query),
    listGeneration: (generation) => listGeneration(query, generation),
    listPublished: () => listPublished(query),
    createCluster: (cluster, node, certificates, audit, adopted = []) =>
      change(async (transaction) => {
        await insertCluster(transaction, cluster);
        await insertNode(transaction, node);
        await insertCertificates(transaction, certificates);
        if (adopted.length > 0) await adoptLists(transaction, adopted);
        await appendAudit(transaction, audit);
      }),
    publish: (lists, check, audit, trustChange = {}) =>
      publish(database, crypto, appendAudit, { lists, check, audit, change: trustChange }),
    addCertificate: (certificate, audit) =>
      change(async (transaction) => {
        const id = await addCertificate(transaction, crypto, certificate);
        await liftTimestamps(transaction, crypto, [certificate]);
        await appendAudit(transaction, audit);
        return id;
      }),
    retireCertificate: (id, audit) =>
      change(async (transaction) => {
        await retireCertificate(transaction, id, audit.atMs);
        await appendAudit(transaction, audit);
      }),
    recordAudit: (audit) => database.write((transaction) => appendAudit(transaction, audit)),
    listAudit: () => listAudit(query),
    signedTimestamp: createTimestamps(database),
    timestampFloor: () => timestampFloor(query),
    fieldState: () => readFieldState(query),
    continueAbove: (field) => change((transaction) => continueAbove(transaction, field)),
    version: () => readRevision(query),
    listNodeStates: () => listNodeStates(query, database.columns),
    async shareBeliefs({ devices, gaps }) {
      if (thisNode !== undefined) await putBeliefs(query, thisNode, devices, gaps);
    },
    listSharedBeliefs: () => listBeliefs(query),
    noteTvsAskers: (askers, when) => database.write((transaction) => putTvsAskers(transaction, askers, when)),
    findTvsAskers: (phones, sinceMs) => findTvsAskers(query, phones, sinceMs),
    async shareTvsReport(unknownSigners) {
      if (thisNode !== undefined) await putTvsReport(query, { node: thisNode, unknownSigners });
    },
    listTvsReports: () => listTvsReports(query),
    onVersion: (listener) => database.listen?.(listener) ?? (() => undefined),
    close: () => database.close(),
  };
}

/**
 * The `Store` port: the tables behind their operations, each change one short transaction.
 * The same for every database; which one it is, is decided in `openStore`.
 */
import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import type { PublishedList } from '../core/cluster/model.ts';
import type { Store } from '../core/ports.ts';
import type { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';
import { insertCertificates, listCertificates } from './tables/certificate.ts';
import { insertCluster, readCluster } from './tables/cluster.ts';
import { deleteDevice, findDevice, insertDevice, listDevices } from './tables/device.ts';
import { insertNode, listNodes } from './tables/node.ts';
import { lastSigned, nextTimestamp, putSigned } from './tables/signed-timestamp.ts';
import {
  currentGeneration,
  currentLists,
  discardStaged,
  listGeneration,
  makeCurrent,
  overtaken,
  stagedLists,
  stageLists,
  type NewList,
} from './tables/trust-list.ts';

/** Opens a node's database and brings its schema forward. `create` is for `init`: otherwise it must be there. */
export async function openStore(options: SqliteOptions): Promise<Store> {
  const database = await openSqlite(options);
  try {
    await migrate(database, { readonly: options.readonly ?? false });
  } catch (error) {
    await database.close();
    throw error;
  }
  return createStore(database);
}

export function createStore(database: Database): Store {
  const { query } = database;
  return {
    readCluster: () => readCluster(query),
    listNodes: () => listNodes(query),
    listCertificates: () => listCertificates(query),
    listDevices: () => listDevices(query),
    findDevice: (name) => findDevice(query, name),
    addDevice: (device) => database.write((transaction) => insertDevice(transaction, device)),
    removeDevice: (name) => database.write((transaction) => deleteDevice(transaction, name)),
    currentLists: () => currentLists(query),
    listGeneration: (generation) => listGeneration(query, generation),
    createCluster: (cluster, node, certificates) =>
      database.write(async (transaction) => {
        await insertCluster(transaction, cluster);
        await insertNode(transaction, node);
        await insertCertificates(transaction, certificates);
      }),
    publish: (lists, check) => publish(database, lists, check),
    signedTimestamp: (...question) => signedTimestamp(database, ...question),
    version: () => database.version(),
    close: () => database.close(),
  };
}

/** Staged, read back by a connection that wrote nothing, checked, then current: a refusal leaves the old ones. */
async function publish(
  database: Database,
  lists: readonly NewList[],
  check: Parameters<Store['publish']>[1],
): Promise<number> {
  assert(lists.length > 0, 'a generation has lists');
  const generation = await database.write((transaction) => stageLists(transaction, lists));
  let replacing: number | undefined;
  try {
    const reader = await database.reopen();
    try {
      replacing = await currentGeneration(reader.query);
      const staged = await stagedLists(reader.query, generation);
      if (staged.length === 0) throw overtaken();
      refuseChanged(lists, staged);
      check(staged, replacing === undefined ? [] : await listGeneration(reader.query, replacing));
    } finally {
      await reader.close();
    }
  } catch (error) {
    // What stays staged if even this fails is seen by nobody and goes with the next publication.
    await database.write((transaction) => discardStaged(transaction, generation)).catch(() => undefined);
    throw error;
  }
  await database.write((transaction) => makeCurrent(transaction, generation, replacing));
  return generation;
}

function refuseChanged(given: readonly NewList[], staged: readonly PublishedList[]): void {
  const same = given.every((list) =>
    staged.some(
      ({ kind, node, bytes }) => kind === list.kind && node === list.node && equalBytes(bytes, list.bytes),
    ),
  );
  if (same && given.length === staged.length) return;
  throw new Failure('storage-corrupt', 'the database did not keep the lists as they were written', {
    hint: 'Check the disk.',
  });
}

async function signedTimestamp(
  database: Database,
  name: string,
  signer: string,
  contentSha256: string,
  leastSeconds: number,
): Promise<number> {
  // Signing again what was signed before is the usual case and needs no lock and no disk.
  const known = await lastSigned(database.query, signer, name);
  if (known?.contentSha256 === contentSha256 && known.timestamp >= leastSeconds) return known.timestamp;
  return database.write(async (transaction) => {
    const last = await lastSigned(transaction, signer, name);
    const timestamp = nextTimestamp(last, contentSha256, leastSeconds);
    await putSigned(transaction, signer, name, { contentSha256, timestamp });
    return timestamp;
  });
}

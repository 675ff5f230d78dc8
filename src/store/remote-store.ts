/**
 * Remote clusters and homes behind `RemoteStore`. What servers answer from counts the revision; what one server learnt
 * of a device does not.
 */
import type { Transaction } from 'kysely';
import { devicesPerTransactionMax } from '../base/limits.ts';
import type { RemoteStore } from '../core/cluster/remote-store.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';
import type { AuditWriter } from './tables/audit.ts';
import { findHome, homesMovedAfter, saveHomes } from './tables/device-home.ts';
import {
  deleteRemote,
  insertRemote,
  listProbes,
  listRemoteLists,
  listRemotes,
  saveProbe,
  updatePin,
} from './tables/remote-cluster.ts';
import { bumpRevision } from './tables/revision.ts';

export function createRemoteStore(database: Database, appendAudit: AuditWriter): RemoteStore {
  const { query } = database;
  const change = (work: (transaction: Transaction<Schema>) => Promise<unknown>): Promise<void> =>
    database.write(async (transaction) => {
      await work(transaction);
      await bumpRevision(transaction);
    });
  return {
    listRemotes: () => listRemotes(query),
    addRemote: (remote, audit) =>
      change(async (transaction) => {
        await insertRemote(transaction, remote);
        await appendAudit(transaction, audit);
      }),
    removeRemote: (id, audit) =>
      change(async (transaction) => {
        await deleteRemote(transaction, id);
        await appendAudit(transaction, audit);
      }),
    pinRemote: (id, pin, audit) =>
      change(async (transaction) => {
        await updatePin(transaction, id, pin);
        await appendAudit(transaction, audit);
      }),
    saveProbe: (probe) => change((transaction) => saveProbe(transaction, probe)),
    listProbes: () => listProbes(query),
    listRemoteLists: () => listRemoteLists(query),
    findHome: (device) => findHome(query, device),
    async rememberHomes(homes) {
      for (let at = 0; at < homes.length; at += devicesPerTransactionMax)
        await database.write((transaction) =>
          saveHomes(transaction, homes.slice(at, at + devicesPerTransactionMax)),
        );
    },
    async moveHomes(devices, home, audit) {
      const { atMs } = audit;
      const homes = devices.map((device) => ({ device, home, confirmedMs: atMs }));
      const last = Math.max(0, homes.length - devicesPerTransactionMax);
      for (let at = 0; at < last; at += devicesPerTransactionMax)
        await database.write((transaction) =>
          saveHomes(transaction, homes.slice(at, Math.min(last, at + devicesPerTransactionMax)), {
            movedMs: atMs,
          }),
        );
      await change(async (transaction) => {
        await saveHomes(transaction, homes.slice(last), { movedMs: atMs });
        await appendAudit(transaction, audit);
      });
    },
    homesMovedAfter: (ms) => homesMovedAfter(query, ms),
  };
}

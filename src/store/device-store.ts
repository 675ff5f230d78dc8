/**
 * Devices and their provisioning behind `DeviceStore`. A change of one device counts the revision, so servers take it
 * up at once; an import writes batch after batch without a word and counts it at the end. No transaction is longer
 * than 50 ms (design.md §7), so pool-wide marks go in pieces.
 */
import { LRUCache } from 'lru-cache';
import type { Transaction } from 'kysely';
import { devicesPerTransactionMax, documentTemplatesKeptMax } from '../base/limits.ts';
import type { DeviceStore } from '../core/devices/device-store.ts';
import type { DocumentTemplate } from '../core/render/document.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';
import { importBatch } from './tables/device-import.ts';
import { findBuildSource } from './tables/device-source.ts';
import {
  countDevices,
  deleteDevice,
  devicesChangedAfter,
  devicesToReset,
  findDevice,
  insertDevice,
  lastChangedDevice,
  listDeviceModels,
  listDeviceNames,
  listDevices,
  markReset,
  touchDevices,
  updateDevice,
} from './tables/device.ts';
import { readProvisioning, writeProvisioning } from './tables/provisioning.ts';
import { bumpRevision } from './tables/revision.ts';

export function createDeviceStore(database: Database): DeviceStore {
  const { query, columns } = database;
  /** A template never changes under its id. */
  const templates = new LRUCache<string, DocumentTemplate>({ max: documentTemplatesKeptMax });
  const change = (work: (transaction: Transaction<Schema>) => Promise<unknown>): Promise<void> =>
    database.write(async (transaction) => {
      await work(transaction);
      await bumpRevision(transaction);
    });
  return {
    listDevices: () => listDevices(query),
    listDeviceNames: () => listDeviceNames(query),
    listDeviceModels: () => listDeviceModels(query),
    countDevices: () => countDevices(query),
    findDevice: (name) => findDevice(query, name),
    addDevice: (device) => change((transaction) => insertDevice(transaction, columns, device)),
    changeDevice: (device, atMs) => change((transaction) => updateDevice(transaction, columns, device, atMs)),
    removeDevice: (name) => change((transaction) => deleteDevice(transaction, name)),
    findBuildSource: (name) => findBuildSource(query, templates, name),
    readProvisioning: () => readProvisioning(query),
    async writeProvisioning(provisioning, touched, atMs) {
      // Marked first: a device that is reset for nothing is better than one that is forgotten.
      while ((await database.write((transaction) => touchDevices(transaction, touched, atMs))) > 0);
      await change((transaction) => writeProvisioning(transaction, columns, provisioning, atMs));
    },
    importDevices: (batch) =>
      database.write((transaction) => importBatch(transaction, columns, templates, batch)),
    announceDevices: () => database.write((transaction) => bumpRevision(transaction)),
    devicesChangedAfter: (after, limit) => devicesChangedAfter(query, after, limit),
    lastChangedDevice: () => lastChangedDevice(query),
    devicesToReset: () => devicesToReset(query),
    async markReset(names, atMs) {
      for (let at = 0; at < names.length; at += devicesPerTransactionMax)
        await database.write((transaction) =>
          markReset(transaction, names.slice(at, at + devicesPerTransactionMax), atMs),
        );
    },
  };
}

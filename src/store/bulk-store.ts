/** The bulk exchange behind `BulkStore`. Only what changes certificates counts the revision. */
import type { Crypto } from '../core/ports.ts';
import type { BulkStore } from '../core/bulk/bulk-store.ts';
import { applyChange } from './change.ts';
import type { Database } from './database.ts';
import type { AuditWriter } from './tables/audit.ts';
import { acceptBulkPeer, listBulkPeers, markBulkSeen, nextBulkCounter } from './tables/bulk.ts';
import { bumpRevision } from './tables/revision.ts';

export function createBulkStore(database: Database, crypto: Crypto, appendAudit: AuditWriter): BulkStore {
  return {
    listBulkPeers: () => listBulkPeers(database.query),
    acceptBulkPeer: (cluster, signer, audit) =>
      database.write(async (transaction) => {
        const { atMs: acceptedMs, who: acceptedBy } = audit;
        await acceptBulkPeer(transaction, { cluster, signer, acceptedMs, acceptedBy });
        await appendAudit(transaction, audit);
      }),
    markBulkSeen: (seen) => database.write((transaction) => markBulkSeen(transaction, seen)),
    nextBulkCounter: (above, audit) =>
      database.write(async (transaction) => {
        const counter = await nextBulkCounter(transaction, above);
        await appendAudit(transaction, { ...audit, detail: { ...audit.detail, counter } });
        return counter;
      }),
    changeTrust: (change, audit) =>
      database.write(async (transaction) => {
        await applyChange(transaction, crypto, change, audit.atMs);
        await appendAudit(transaction, audit);
        await bumpRevision(transaction);
      }),
  };
}

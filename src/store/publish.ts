/**
 * A publication (design.md §5): staged, read back by a connection that wrote nothing, checked, then made current in one
 * transaction together with what it tells of and its audit row. A refusal leaves the old lists.
 */
import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import type { AuditEntry } from '../core/audit/audit-chain.ts';
import type { PublishedList } from '../core/cluster/model.ts';
import type { Crypto, NewList, Store, TrustChange } from '../core/ports.ts';
import { applyChange } from './change.ts';
import type { Database } from './database.ts';
import type { AuditWriter } from './tables/audit.ts';
import { bumpRevision } from './tables/revision.ts';
import {
  currentGeneration,
  discardStaged,
  listGeneration,
  makeCurrent,
  overtaken,
  stagedLists,
  stageLists,
} from './tables/trust-list.ts';

export interface PublishRequest {
  readonly lists: readonly NewList[];
  readonly check: Parameters<Store['publish']>[1];
  readonly audit: AuditEntry;
  readonly change: TrustChange;
}

/** The new generation's number. */
export async function publish(
  database: Database,
  crypto: Crypto,
  appendAudit: AuditWriter,
  { lists, check, audit, change }: PublishRequest,
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
  await database.write(async (transaction) => {
    await makeCurrent(transaction, generation, replacing);
    await applyChange(transaction, crypto, change, audit.atMs);
    await appendAudit(transaction, { ...audit, detail: { ...audit.detail, generation } });
    await bumpRevision(transaction);
  });
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

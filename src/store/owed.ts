/**
 * What a node wrote while the database was away, and must tell it when it is back: timestamps that phones have seen, and
 * homes that it learnt. Timestamps only rise (design.md §5), on both sides: the later one stands, and where two nodes
 * gave different ones the revision counts, so that nobody goes on with a header that phones of the other would refuse.
 */
import type { Transaction } from 'kysely';
import { owedPerTransactionMax } from '../base/limits-database.ts';
import type { Database } from './database.ts';
import { owed } from './replica.ts';
import type { Schema } from './schema.ts';
import { nextMark } from './tables/change-count.ts';
import { findHome, homesWithMark, saveHomes } from './tables/device-home.ts';
import { bumpRevision } from './tables/revision.ts';
import {
  lastSigned,
  putSigned,
  signedKey,
  signedWithMark,
  type LastSigned,
  type SignedName,
} from './tables/signed-timestamp.ts';

type Signed = SignedName & LastSigned;

export async function isOwing({ query }: Database): Promise<boolean> {
  return (
    (await signedWithMark(query, owed, 1)).length > 0 || (await homesWithMark(query, owed, 1)).length > 0
  );
}

/** Until nothing is owed; what was told stays told when it breaks off. */
export async function payOwed(replica: Database, source: Database): Promise<void> {
  for (;;) {
    const signed = await signedWithMark(replica.query, owed, owedPerTransactionMax);
    if (signed.length === 0) break;
    const settled = await source.write((transaction) => tellSigned(transaction, signed));
    await replica.write((transaction) => putSigned(transaction, settled, settledMark));
  }
  for (;;) {
    const homes = await homesWithMark(replica.query, owed, owedPerTransactionMax);
    if (homes.length === 0) break;
    await source.write(async (transaction) => {
      const news = [];
      for (const home of homes) {
        const known = await findHome(transaction, home.device);
        if (known === undefined || known.confirmedMs < home.confirmedMs) news.push(home);
      }
      await saveHomes(transaction, news);
    });
    await replica.write((transaction) => saveHomes(transaction, homes, { mark: settledMark }));
  }
}

/** Below every mark of a copy to come: what the source says comes over it. */
const settledMark = 0;

/** What stands in the source's book afterwards. */
async function tellSigned(
  transaction: Transaction<Schema>,
  signed: readonly Signed[],
): Promise<readonly Signed[]> {
  const book = await lastSigned(transaction, signed);
  const later = signed.filter((row) => (book.get(signedKey(row))?.timestamp ?? -1) < row.timestamp);
  await putSigned(transaction, later, await nextMark(transaction));
  if (signed.some((row) => differs(book.get(signedKey(row)), row))) await bumpRevision(transaction);
  const told = new Set(later);
  return signed.map((row) => {
    const known = book.get(signedKey(row));
    return told.has(row) || known === undefined ? row : { signer: row.signer, name: row.name, ...known };
  });
}

function differs(known: LastSigned | undefined, row: Signed): boolean {
  return (
    known !== undefined && (known.timestamp !== row.timestamp || known.contentSha256 !== row.contentSha256)
  );
}

/**
 * Timestamps of signed files, many in one transaction. A boot storm signs thousands of files that nobody has asked for
 * before, and each new timestamp must be on the disk before its signature leaves: who asks while a transaction is
 * under way shares the next one, so the disk is waited for once for all of them (group commit).
 */
import type { Transaction } from 'kysely';
import { timestampsPerTransactionMax } from '../base/limits.ts';
import type { Store } from '../core/ports.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';
import { nextMark } from './tables/change-count.ts';
import {
  lastSigned,
  nextTimestamp,
  putSigned,
  signedKey,
  timestampFloor,
  type LastSignedBook,
  type SignedName,
} from './tables/signed-timestamp.ts';

export interface TimestampQuestion extends SignedName {
  readonly contentSha256: string;
  readonly leastSeconds: number;
}

/** Gives a timestamp to each, in the order in which they were asked, durably. */
export type DecideTimestamps = (questions: readonly TimestampQuestion[]) => Promise<readonly number[]>;

interface Waiting extends TimestampQuestion {
  readonly resolve: (timestamp: number) => void;
  readonly reject: (error: unknown) => void;
}

/** What is known already is answered from `database`; the rest is for `decide`, which is the same database's as a rule. */
export function createTimestamps(
  database: Database,
  decide: DecideTimestamps = decideIn(database),
): Store['signedTimestamp'] {
  const waiting: Waiting[] = [];
  let draining = false;

  const answer = async (asked: readonly Waiting[]): Promise<void> => {
    const floor = await timestampFloor(database.query);
    const batch = asked.map((question) => ({
      ...question,
      leastSeconds: Math.max(question.leastSeconds, floor),
    }));
    // Signing again what was signed before is the usual case and needs no lock and no disk.
    const book = await lastSigned(database.query, batch);
    const unknown: Waiting[] = [];
    for (const question of batch) {
      const known = book.get(signedKey(question));
      if (known?.contentSha256 === question.contentSha256 && known.timestamp >= question.leastSeconds)
        question.resolve(known.timestamp);
      else unknown.push(question);
    }
    if (unknown.length === 0) return;
    const written = await decide(unknown);
    for (const [index, timestamp] of written.entries()) unknown[index]?.resolve(timestamp);
  };

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, timestampsPerTransactionMax);
      try {
        await answer(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    draining = false;
  };

  return (name, signer, contentSha256, leastSeconds) =>
    new Promise((resolve, reject) => {
      waiting.push({ name, signer, contentSha256, leastSeconds, resolve, reject });
      if (draining) return;
      draining = true;
      void drain();
    });
}

/** `mark` instead of the number of the change. */
export function decideIn(database: Database, mark?: number): DecideTimestamps {
  return (questions) => database.write((transaction) => writeAll(transaction, questions, mark));
}

/** In the order in which they were asked: of two contents under one name the second is later. */
async function writeAll(
  transaction: Transaction<Schema>,
  questions: readonly TimestampQuestion[],
  mark: number | undefined,
): Promise<readonly number[]> {
  const book: LastSignedBook = await lastSigned(transaction, questions);
  const floor = await timestampFloor(transaction);
  const changed = new Map<string, SignedName & { contentSha256: string; timestamp: number }>();
  const timestamps = questions.map(({ signer, name, contentSha256, leastSeconds }) => {
    const key = signedKey({ signer, name });
    const timestamp = nextTimestamp(book.get(key), contentSha256, Math.max(leastSeconds, floor));
    book.set(key, { contentSha256, timestamp });
    changed.set(key, { signer, name, contentSha256, timestamp });
    return timestamp;
  });
  await putSigned(transaction, [...changed.values()], mark ?? (await nextMark(transaction)));
  return timestamps;
}

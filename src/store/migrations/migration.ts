import type { Transaction } from 'kysely';
import type { ColumnTypes } from '../database.ts';

/** One step forward; there is no way back but a backup. A released one is never edited. */
export interface Migration {
  /** Consecutive from 1. */
  readonly number: number;
  readonly name: string;
  up(transaction: Transaction<unknown>, columns: ColumnTypes): Promise<void>;
}

/**
 * What the store asks of a database. Everything that differs between SQLite and another one stands behind this:
 * column types, how a write transaction starts, how other processes' commits are noticed.
 */
import type { ColumnDefinitionBuilder, Kysely, RawBuilder, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

export interface Database {
  readonly query: Kysely<Schema>;
  readonly columns: ColumnTypes;
  /**
   * One transaction that excludes other writers, from its first statement on; waits for them without holding
   * the thread and then fails with `storage-busy`. `work` may run again and touches nothing but the transaction.
   */
  write<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T>;
  /** Reads of one moment, whatever others commit meanwhile. */
  readonly snapshot?: (<T>(work: (transaction: Transaction<Schema>) => Promise<T>) => Promise<T>) | undefined;
  /** A second connection, reading only: what it sees is what was committed. */
  reopen(): Promise<Database>;
  /**
   * Calls when another process's change is told of, and whenever some may have been missed. Gives the end of it;
   * undefined where a database tells nothing and has to be asked.
   */
  readonly listen?: ((onRevision: () => void) => () => void) | undefined;
  close(): Promise<void>;
}

/** What every node could do, and one at a time does. */
export type SharedWork = 'sign-ahead' | 'probes' | 'expiry';

/** `unknown`: the database cannot be asked. */
export type Whose = 'ours' | 'others' | 'unknown';

export interface WorkLocks {
  /** Takes the work where nobody has it; it is ours until the end, or until the connection is lost. */
  whose(work: SharedWork): Promise<Whose>;
  close(): Promise<void>;
}

export interface ColumnTypes {
  readonly blob: RawBuilder<unknown>;
  /** Epoch milliseconds need more than 32 bits. */
  readonly time: RawBuilder<unknown>;
  readonly idType: RawBuilder<unknown>;
  readonly id: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
  /** Stands behind CREATE TABLE (…). */
  readonly tableEnd: RawBuilder<unknown>;
  /** The database's own time, epoch milliseconds. */
  readonly nowMs: RawBuilder<number>;
  /** 128 random bits as 32 hex digits, other ones in every row. */
  readonly randomSalt: RawBuilder<string>;
  /** Statements after which the database itself refuses to change or delete a row of the table. */
  readonly appendOnly: (table: string) => readonly RawBuilder<unknown>[];
  /** What an append-only table needs beside that where inserting can replace the row that has the same key. */
  readonly refuseReplacing: (table: string, key: string) => readonly RawBuilder<unknown>[];
  /** Statements after which every new value of that column is told to whoever listens. */
  readonly announce: (table: string, column: string) => readonly RawBuilder<unknown>[];
}

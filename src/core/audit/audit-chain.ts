/**
 * The audit as a chain: each row carries the hash of the one before it, so that a row that was changed, taken out or
 * put in shows. What a chain alone cannot show is rows cut off at its end: keep a hash elsewhere and ask for it.
 */
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';

/** What is told of one operation; the store gives it its place in the chain. */
export interface AuditEntry {
  readonly atMs: number;
  /** The user of the machine, or the service. */
  readonly who: string;
  /** The command or function: `renew-cert callmanager`. */
  readonly operation: string;
  /** Plain JSON: what changed, by fingerprints and numbers; never a key, a passphrase or bytes of a file. */
  readonly detail: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

export interface AuditRow {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly atMs: number;
  readonly who: string;
  readonly operation: string;
  /** The JSON as it was hashed. */
  readonly detail: string;
  /** Hash of the row before; `noRowBefore` in the first one. */
  readonly previous: string;
  readonly hash: string;
}

export const noRowBefore = '0'.repeat(64);

/** The row that follows `last`. */
export function sealAuditRow(
  crypto: Pick<Crypto, 'digest'>,
  last: Pick<AuditRow, 'seq' | 'hash'> | undefined,
  { atMs, who, operation, detail }: AuditEntry,
): AuditRow {
  const row = {
    seq: (last?.seq ?? 0) + 1,
    atMs,
    who,
    operation,
    detail: JSON.stringify(detail),
    previous: last?.hash ?? noRowBefore,
  };
  return { ...row, hash: hashOf(crypto, row) };
}

/** The first thing that is wrong with the chain, as one sentence; undefined when it is whole. */
export function auditChainFault(
  crypto: Pick<Crypto, 'digest'>,
  rows: readonly AuditRow[],
): string | undefined {
  let seq = 0;
  let previous = noRowBefore;
  for (const row of rows) {
    seq++;
    if (row.seq !== seq) return `row ${seq} is missing`;
    if (row.previous !== previous) return `row ${seq} does not follow the row before it`;
    if (row.hash !== hashOf(crypto, row)) return `row ${seq} was changed after it was written`;
    previous = row.hash;
  }
  return undefined;
}

/** JSON of a list has one spelling for these values, so no two rows share one text. */
function hashOf(
  crypto: Pick<Crypto, 'digest'>,
  { seq, atMs, who, operation, detail, previous }: Omit<AuditRow, 'hash'>,
): string {
  const text = JSON.stringify([seq, atMs, who, operation, detail, previous]);
  return toHex(crypto.digest('sha256', encodeUtf8(text)));
}

/**
 * A trust list, ITL or CTL (formats.md §3): a signed header of version 1.2 and records up to the end of the file.
 * Refuses a list beyond 64 KB, without records, with anything after the last one.
 * ITL and CTL have one format: which it is, the file name and the roles tell, and the judge asks.
 */
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { trustListBytesMax } from '../base/limits.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { malformed, type FormatError } from './format-error.ts';
import { recordTag, recordTagNames } from './record-tags.ts';
import { decodeSignedHeader, type SignedHeader } from './signed-header.ts';
import { decodeTrustRecord, type TrustRecord } from './trust-record.ts';

export const trustListVersion = { major: 1, minor: 2 } as const;

export interface TrustList {
  readonly header: SignedHeader;
  /** In the order of the file; at least one. */
  readonly records: readonly TrustRecord[];
}

export function decodeTrustList(bytes: Uint8Array): Outcome<TrustList, FormatError> {
  if (bytes.length > trustListBytesMax) return malformed('trust-list-too-long', trustListBytesMax);
  const header = decodeSignedHeader(bytes);
  if (!header.ok) return header;
  if (header.value.kind !== 'trust-list') return malformed('not-a-trust-list', 0, header.value.kind);
  const records: TrustRecord[] = [];
  for (let at = header.value.headerLength; at < bytes.length;) {
    if (records.length > 0 && bytes[at] !== recordTag.recordLength) return malformedTail(bytes, at);
    const record = decodeTrustRecord(bytes, at);
    if (!record.ok) return record;
    records.push(record.value);
    at += record.value.length;
  }
  if (records.length === 0) return malformed('no-records', bytes.length);
  return good({ header: header.value, records });
}

/** The finished list: a header (layoutSignedHeader, placeSignature) and the encoded records. */
export function encodeTrustList(header: Uint8Array, records: readonly Uint8Array[]): Uint8Array {
  return concatBytes(header, ...records);
}

/**
 * The first record that repeats an earlier one: the same role and the same certificate, or the same bytes where a
 * record has no certificate. One certificate under two roles is no repetition.
 */
export function repeatedRecord(list: TrustList, bytes: Uint8Array): TrustRecord | undefined {
  const raw = (record: TrustRecord): Uint8Array =>
    record.certificateDer ?? bytes.subarray(record.offset, record.offset + record.length);
  return list.records.find((record, index) =>
    list.records
      .slice(0, index)
      .some((earlier) => earlier.role === record.role && equalBytes(raw(earlier), raw(record))),
  );
}

/** An item's tag after a record means that the record's length is short of that item. */
function malformedTail(bytes: Uint8Array, at: number): Outcome<never, FormatError> {
  const isItem = recordTagNames.has(bytes[at] ?? 0) && bytes.length - at >= 3;
  return malformed(isItem ? 'record-length-short' : 'trailing-bytes', at, `${bytes.length - at} bytes`);
}

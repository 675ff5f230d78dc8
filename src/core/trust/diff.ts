/**
 * What changes between two trust lists, record by record (for plans, imports and audits). A record is its role and its
 * certificate; where it has none, its role and DNS NAME. Another DNS NAME of a record that stays is a change of its own;
 * a name that is not there on one side (the open tools write none) is none. Order is no change: phones look records up.
 */
import { equalBytes } from '../../base/bytes.ts';
import { printable, toHex } from '../../base/text.ts';
import type { TrustRecordFields } from '../../wire/trust-record.ts';

/** A list, decoded or only planned. */
export interface ListSide<Record extends TrustRecordFields = TrustRecordFields> {
  readonly header: { readonly signer: { readonly name: string; readonly serial: Uint8Array } };
  readonly records: readonly Record[];
}

export interface ListDiff<Record extends TrustRecordFields = TrustRecordFields> {
  readonly added: readonly Record[];
  readonly removed: readonly Record[];
  readonly kept: readonly Record[];
  /** Of those that are kept, with the new DNS NAME. */
  readonly renamed: readonly Record[];
  /** The new list names another certificate as its signer (by serial; verify says whether it holds). */
  readonly signerChanged: boolean;
}

export function diffLists<Record extends TrustRecordFields>(
  before: ListSide<Record>,
  after: ListSide<Record>,
): ListDiff<Record> {
  const isIn = (list: ListSide, record: TrustRecordFields): boolean =>
    list.records.some((other) => sameRecord(other, record));
  return {
    added: after.records.filter((record) => !isIn(before, record)),
    removed: before.records.filter((record) => !isIn(after, record)),
    kept: after.records.filter((record) => isIn(before, record)),
    renamed: after.records.filter((record) =>
      before.records.some((other) => sameRecord(other, record) && isRenamed(other, record)),
    ),
    signerChanged: !equalBytes(before.header.signer.serial, after.header.signer.serial),
  };
}

/** One line a change: `+ TVS CN=tvs-a.example (serial 56:11…)`; empty when nothing changes. */
export function formatDiff(diff: ListDiff, after: ListSide): readonly string[] {
  const line = (sign: string) => (record: TrustRecordFields) => `${sign} ${record.role} ${describe(record)}`;
  const { name, serial } = after.header.signer;
  return [
    ...diff.removed.map(line('-')),
    ...diff.added.map(line('+')),
    ...diff.renamed.map((record) => `${line('~')(record)}: ${printable(record.dnsName ?? '')}`),
    ...(diff.signerChanged ? [`! signed by ${printable(name)} (serial ${toHex(serial, ':')})`] : []),
  ];
}

function isRenamed(
  { dnsName: before = '' }: TrustRecordFields,
  { dnsName: after = '' }: TrustRecordFields,
): boolean {
  return before !== '' && after !== '' && before !== after;
}

function sameRecord(a: TrustRecordFields, b: TrustRecordFields): boolean {
  if (a.role !== b.role) return false;
  if (a.certificateDer === undefined || b.certificateDer === undefined)
    return a.certificateDer === b.certificateDer && a.dnsName === b.dnsName && sameSerialText(a, b);
  return equalBytes(a.certificateDer, b.certificateDer);
}

/** Records without certificate may still name one by serial. */
function sameSerialText(a: TrustRecordFields, b: TrustRecordFields): boolean {
  return toHex(a.serial ?? new Uint8Array()) === toHex(b.serial ?? new Uint8Array());
}

function describe(record: TrustRecordFields): string {
  const name = printable(record.subject ?? record.dnsName ?? '');
  return record.serial === undefined
    ? `${name} (no certificate)`
    : `${name} (serial ${toHex(record.serial, ':')})`;
}

/**
 * Whether the published lists still say what the database says, and if not, why: for `status`. What was trusted until a
 * day that has come is out of date by itself.
 */
import { printable } from '../base/text.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import { endedRows } from '../core/bulk/plan-import.ts';
import type { StoredCertificate, TrustListKind } from '../core/cluster/model.ts';
import type { Crypto, Store } from '../core/ports.ts';
import { planPublication } from './plan-publication.ts';

export interface OutdatedList {
  readonly kind: TrustListKind;
  /** `+ TFTP CN=…`, as `update-… --dry-run` prints it. */
  readonly changes: readonly string[];
  /** Where that comes from, as sentences. */
  readonly because: readonly string[];
  /** The command that makes the list anew. */
  readonly next: string;
}

/** Empty when both lists say what they should. A cluster that has not published yet is out of date in nothing. */
export async function outdatedLists(
  ports: { readonly store: Store; readonly crypto: Crypto },
  nowMs: number,
): Promise<readonly OutdatedList[]> {
  const { store } = ports;
  const current = await store.currentLists();
  if (current.length === 0) return [];
  const rows = await store.listCertificates();
  const ended = endedRows(rows, nowMs);
  const planned = await planPublication(ports, {
    kinds: current.map(({ kind }) => kind),
    change: { retireCertificates: ended.map(({ id }) => id) },
  });
  return planned.lists.flatMap(({ kind, plan, diff }) => {
    const published = current.find((list) => list.kind === kind);
    if (plan === undefined || diff.length === 0 || published === undefined) return [];
    const because = reasonsOf(kind, rows, ended, published.publishedMs);
    return [{ kind, changes: diff, because, next: `tftp-pki update-${kind} --dry-run` }];
  });
}

/** Rows that came, went or ended since the lists were published. */
function reasonsOf(
  kind: TrustListKind,
  rows: readonly StoredCertificate[],
  ended: readonly StoredCertificate[],
  publishedMs: number,
): readonly string[] {
  const day = (ms: number): string => formatIsoSeconds(Math.floor(ms / 1000)).slice(0, 10);
  const stores: readonly string[] =
    kind === 'ctl' ? ['own', 'phone-sast-trust', 'phone-tftp-trust'] : ['own'];
  const concerned = rows.filter(({ store }) => stores.includes(store));
  const came = concerned.filter(({ addedMs, retiredMs }) => retiredMs === undefined && addedMs > publishedMs);
  const went = concerned.filter(({ retiredMs }) => retiredMs !== undefined && retiredMs > publishedMs);
  const named = (row: StoredCertificate): string =>
    `${row.fingerprint.slice(0, 16)} in ${row.store} (${printable(row.provenance)})`;
  return [
    ...came.map((row) => `${named(row)} came on ${day(row.addedMs)}`),
    ...went.map((row) => `${named(row)} was retired on ${day(row.retiredMs ?? 0)}`),
    ...ended
      .filter(({ store }) => stores.includes(store))
      .map((row) => `${named(row)} was trusted until ${day(row.landed?.untilMs ?? 0)}`),
  ];
}

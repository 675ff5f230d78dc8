/**
 * What an import changes, before anything is changed: which certificates land where, which stand there already, which
 * go because their cluster no longer names them, and which are left out, each with its reason.
 *
 * Left out are: expired ones, keys below policy, signers that phones cannot check, a second key for a known issuer and
 * serial, and our own. A cluster that is not in the exchange loses nothing: absence says nothing.
 */
import { signerRsaBitsMin } from '../../base/limits.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import { hasEnded, type Landed, type StoredCertificate } from '../cluster/model.ts';
import type { CertificateFacts, NewCertificate, TrustChange } from '../ports.ts';
import { anchorOf, findAnchors, sameKey } from '../trust/anchor.ts';
import { uncheckableKey } from '../trust/checkable.ts';
import type { BulkPurpose } from './bulk-type.ts';
import { isForPhones, landingStores, type LandingStore } from './landing.ts';
import type { ManifestEntry } from './manifest.ts';

/** Certificates of one cluster, believed: of a manifest, or of a directory that a person vouched for. */
export interface ImportSource {
  readonly cluster: string;
  readonly certificates: readonly {
    readonly entry: Pick<ManifestEntry, 'node' | 'type'>;
    readonly certificate: CertificateFacts;
  }[];
}

export interface ImportQuestion {
  readonly purpose: BulkPurpose;
  readonly sources: readonly ImportSource[];
  /** Every row with its facts, retired ones too. */
  readonly rows: readonly { readonly row: StoredCertificate; readonly certificate: CertificateFacts }[];
  /** Of a migration. */
  readonly untilMs: number | undefined;
  readonly nowMs: number;
  readonly by: string;
  /** Where they come from. */
  readonly place: string;
}

export interface Landing {
  readonly cluster: string;
  readonly node: string;
  readonly type: ManifestEntry['type'];
  readonly certificate: CertificateFacts;
  readonly store: LandingStore;
  readonly state: 'new' | 'stands' | 'stands longer';
}

export interface LeftOut {
  readonly cluster: string;
  readonly certificate: CertificateFacts;
  /** The end of "… is left out: ". */
  readonly reason: string;
  readonly hint: string;
}

export interface Removal {
  readonly row: StoredCertificate;
  readonly certificate: CertificateFacts;
}

export interface ImportPlan {
  readonly landings: readonly Landing[];
  readonly removals: readonly Removal[];
  readonly leftOut: readonly LeftOut[];
  readonly change: TrustChange;
}

export function planImport(question: ImportQuestion): ImportPlan {
  const landings: Landing[] = [];
  const leftOut: LeftOut[] = [];
  const add: NewCertificate[] = [];
  const land: { readonly id: number; readonly landed: Landed }[] = [];
  const known = bySerial(question.rows.map(({ certificate }) => certificate));
  const going = new Map(removalsOf(question).map((removal) => [removal.row.id, removal]));
  for (const { cluster, certificates } of question.sources)
    for (const { entry, certificate } of certificates) {
      const stores = landingStores(question.purpose, entry.type);
      if (stores.length === 0) continue;
      const refusal = refusalOf(question, stores, certificate, known);
      if (refusal !== undefined) leftOut.push({ cluster, certificate, ...refusal });
      else {
        known.keep(certificate);
        for (const store of stores) {
          const placed = place(question, cluster, store, certificate, going);
          if (placed.add) add.push(placed.add);
          if (placed.land) {
            land.push(placed.land);
            going.delete(placed.land.id);
          }
          landings.push({ cluster, ...entry, certificate, store, state: placed.state });
        }
      }
    }
  const removals = [...going.values()];
  const retireCertificates = removals.map(({ row }) => row.id);
  return {
    landings,
    removals,
    leftOut,
    change: { addCertificates: withoutRepeats(add), landCertificates: land, retireCertificates },
  };
}

interface Placed {
  readonly state: Landing['state'];
  readonly add?: NewCertificate;
  readonly land?: { readonly id: number; readonly landed: Landed };
}

function place(
  question: ImportQuestion,
  cluster: string,
  store: LandingStore,
  certificate: CertificateFacts,
  going: ReadonlyMap<number, Removal>,
): Placed {
  const { purpose, untilMs, nowMs, by, place: source } = question;
  const landed: Landed = { cluster, purpose, untilMs };
  const there = question.rows.find(
    ({ row }) =>
      row.retiredMs === undefined && row.store === store && row.fingerprint === certificate.fingerprint,
  )?.row;
  if (there !== undefined) {
    if (there.landed !== undefined && standsLonger(there.landed, landed))
      return { state: 'stands longer', land: { id: there.id, landed } };
    // Its cluster drops it and this one names it: it stands by this one's word.
    const kept = { ...landed, untilMs: there.landed?.untilMs };
    return { state: 'stands', ...(going.has(there.id) && { land: { id: there.id, landed: kept } }) };
  }
  const { der, fingerprint } = certificate;
  const provenance = `import-bulk ${purpose} of ${cluster} from ${source}, ${by}`;
  const added = { store, purpose: undefined, node: undefined, der, fingerprint, provenance, addedMs: nowMs };
  return { state: 'new', add: { ...added, landed } };
}

/** What somebody trusted by hand, or for a purpose without an end, stays as it is. */
function standsLonger(before: Landed, after: Landed): boolean {
  if (before.untilMs === undefined) return false;
  return after.untilMs === undefined || after.untilMs > before.untilMs;
}

/** What the same cluster named for the same purpose before, and does not name now. */
function removalsOf({ purpose, sources, rows }: ImportQuestion): readonly Removal[] {
  return rows.filter(({ row }) => {
    if (row.retiredMs !== undefined || row.landed?.purpose !== purpose) return false;
    const source = sources.find(({ cluster }) => cluster === row.landed?.cluster);
    if (source === undefined) return false;
    return !source.certificates.some(
      ({ entry, certificate }) =>
        certificate.fingerprint === row.fingerprint &&
        landingStores(purpose, entry.type).some((store) => store === row.store),
    );
  });
}

function refusalOf(
  { rows, nowMs }: ImportQuestion,
  stores: readonly LandingStore[],
  certificate: CertificateFacts,
  known: KnownCertificates,
): Pick<LeftOut, 'reason' | 'hint'> | undefined {
  const { publicKey, notAfter, notBefore } = certificate;
  const again = 'Its cluster renews it and runs export-bulk again.';
  if (notAfter * 1000 < nowMs)
    return { reason: `it expired on ${formatIsoSeconds(notAfter).slice(0, 10)}`, hint: again };
  if (notBefore * 1000 > nowMs)
    return {
      reason: `it begins on ${formatIsoSeconds(notBefore).slice(0, 10)}`,
      hint: 'Look at the clocks of both clusters.',
    };
  if (publicKey.kind === 'rsa' && publicKey.modulusBits < signerRsaBitsMin)
    return { reason: `its key is weak: RSA-${publicKey.modulusBits}`, hint: again };
  const uncheckable = uncheckableKey(certificate);
  if (stores.some(isForPhones) && uncheckable !== undefined)
    return {
      reason: `phones can check nothing that ${uncheckable} signed`,
      hint: 'Its cluster renews it with RSA-2048 and runs export-bulk again.',
    };
  if (rows.some(({ row }) => row.store === 'own' && row.fingerprint === certificate.fingerprint))
    return { reason: 'it is our own', hint: 'Two clusters have one key: look which of them should.' };
  if (known.clashes(certificate))
    return {
      reason: 'another key has its issuer and serial here',
      hint: 'A phone that asks for issuer and serial must get one answer: have it issued with a new serial.',
    };
  return undefined;
}

interface KnownCertificates {
  keep(certificate: CertificateFacts): void;
  clashes(certificate: CertificateFacts): boolean;
}

/** Thousands are compared, each with the few that have its serial. */
function bySerial(certificates: readonly CertificateFacts[]): KnownCertificates {
  const known = new Map<string, CertificateFacts[]>();
  const key = ({ serial }: CertificateFacts): string => serial.join(' ').replace(/^(?:0 )+/, '');
  const keep = (certificate: CertificateFacts): void => {
    known.set(key(certificate), [...(known.get(key(certificate)) ?? []), certificate]);
  };
  certificates.forEach(keep);
  return {
    keep,
    clashes: (certificate) =>
      (known.get(key(certificate)) ?? []).some(
        (other) =>
          !sameKey(other, certificate) && findAnchors([anchorOf('TVS', other)], certificate).length > 0,
      ),
  };
}

/** One certificate of two types or nodes lands once in a store. */
function withoutRepeats(certificates: readonly NewCertificate[]): readonly NewCertificate[] {
  const seen = new Set<string>();
  return certificates.filter(({ store, fingerprint }) => {
    const key = `${store} ${fingerprint}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Rows whose time has come, for the next publication to retire. */
export function endedRows(rows: readonly StoredCertificate[], nowMs: number): readonly StoredCertificate[] {
  return rows.filter((row) => row.retiredMs === undefined && hasEnded(row, nowMs));
}

/**
 * Certificates of others: taken into a store, which decides what their holders may do, and out of it again.
 * Refused: a signer that phones could not check as SAST, and the removal of what signs or serves now.
 */
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { CertificateStoreName, StoredCertificate } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { isForPhones } from '../core/bulk/landing.ts';
import { uncheckableKey } from '../core/trust/checkable.ts';
import { holdersOf } from '../core/trust/dependents.ts';
import { aftermathOfStores } from '../core/trust/aftermath.ts';
import type { AuditEntry } from '../core/audit/audit-chain.ts';
import { powerOf } from '../core/trust/power.ts';
import { readClusterView } from './cluster-view.ts';
import type { TrustOperation } from './trust-operation.ts';

export interface TrustPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
}

export interface TrustRequest {
  readonly into: Exclude<CertificateStoreName, 'own'>;
  readonly certificate: CertificateFacts;
  /** File, address or cluster it came from. */
  readonly source: string;
  readonly by: string;
}

/** What its holder will be able to do, as the end of "whoever holds its key …"; Failure `refused`. */
export async function powerOfTrust(ports: TrustPorts, { into, certificate }: TrustRequest): Promise<string> {
  if (isForPhones(into)) refuseUncheckable(certificate);
  return powerOf(into, await ports.store.countDevices());
}

/** Gives the row's id. */
export function trustCertificate(
  { store, clock }: TrustPorts,
  { into, certificate, source, by }: TrustRequest,
): Promise<number> {
  const atMs = clock.nowMs();
  const { der, fingerprint } = certificate;
  return store.addCertificate(
    {
      store: into,
      purpose: undefined,
      node: undefined,
      der,
      fingerprint,
      provenance: `trusted from ${source}, ${by}`,
      addedMs: atMs,
    },
    { atMs, who: by, operation: `trust-cert --store ${into}`, detail: { certificate: fingerprint, source } },
  );
}

export interface RemovedCertificate {
  readonly id: number;
  readonly subject: string;
  readonly store: CertificateStoreName;
  /** Published lists that name it until they are made anew. */
  readonly listedIn: readonly string[];
}

export interface PlannedRemoval {
  readonly removed: RemovedCertificate;
  /** For the planner: it leaves no list now, and a TVS vouches for it no longer. */
  readonly operation: TrustOperation;
  readonly audit: Omit<AuditEntry, 'atMs'>;
}

/** Failure `not-found`, or `refused` while something signs or serves with it. */
export async function planRemoval(
  { store, crypto }: TrustPorts,
  id: number,
  by: string,
): Promise<PlannedRemoval> {
  const view = await readClusterView(store, crypto);
  const row = view.certificates.find((each) => each.id === id);
  if (row === undefined)
    throw new Failure('not-found', `there is no certificate ${id}`, { hint: 'tftp-pki list-certs' });
  const facts = crypto.readCertificate(row.der);
  const subject = printable(facts?.subject ?? row.fingerprint);
  const lists = (await store.currentLists()).map((list) => holdersOf(crypto, list));
  const listedIn = lists.filter(({ roles }) => roles.has(row.fingerprint)).map(({ name }) => name);
  // By whichever node's it is.
  const inUse = view.own.find(({ purpose, node }) => purpose === row.purpose && node === row.node);
  refuseNeeded(row, subject, {
    isInUse: inUse?.certificate.fingerprint === row.fingerprint,
    signs: lists.filter(({ signer }) => signer === row.fingerprint).map(({ name }) => name),
    listedIn,
  });
  const operation = `remove-cert ${id}`;
  const [list] = listedIn;
  return {
    removed: { id, subject, store: row.store, listedIn },
    operation: {
      operation,
      request: { listsStay: true, change: { retireCertificates: [id] } },
      warnings: [],
      question: `Retire ${subject}?`,
      aftermath: aftermathOfStores,
      ...(list !== undefined && {
        next: `tftp-pki update-${list.toLowerCase()}`,
        follows: {
          command: `tftp-pki update-${list.toLowerCase()}`,
          request: { kinds: [list === 'CTL' ? 'ctl' : 'itl'] },
        },
      }),
    },
    audit: { who: by, operation, detail: { id, store: row.store, certificate: row.fingerprint } },
  };
}

/** Retired, not forgotten. */
export function removeCertificate(
  { store, clock }: TrustPorts,
  { removed, audit }: PlannedRemoval,
): Promise<void> {
  return store.retireCertificate(removed.id, { ...audit, atMs: clock.nowMs() });
}

interface Needs {
  readonly isInUse: boolean;
  readonly signs: readonly string[];
  readonly listedIn: readonly string[];
}

/** A foreign SAST may go while a list still names it: the next list is made without it, and that is the way out. */
function refuseNeeded(row: StoredCertificate, subject: string, { isInUse, signs, listedIn }: Needs): void {
  if (signs.length > 0)
    throw new Failure('refused', `${subject} signed the published ${signs.join(' and ')}`, {
      hint: 'Phones check the lists they hold with it: publish lists of another signer first.',
    });
  if (isInUse)
    throw new Failure('refused', `${subject} is the ${row.purpose} certificate in use`, {
      hint: `tftp-pki renew-cert ${row.purpose}`,
    });
  if (row.store === 'own' && listedIn.length > 0)
    throw new Failure('refused', `${subject} stands in the published ${listedIn.join(' and ')}`, {
      hint: `tftp-pki renew-cert ${row.purpose} --abort takes it out of the lists.`,
    });
}

/** What phones check a list with. */
function refuseUncheckable(certificate: CertificateFacts): void {
  const key = uncheckableKey(certificate);
  if (key === undefined) return;
  throw new Failure(
    'refused',
    `phones can check nothing that ${printable(certificate.subject)} signed: it has ${key}`,
  );
}

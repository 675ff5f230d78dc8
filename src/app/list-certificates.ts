/** Every certificate that is not retired: whose it is, how long it lasts, and what depends on it. */
import { assert } from '../base/assert.ts';
import { toHex } from '../base/text.ts';
import type { CertificatePurpose, CertificateStoreName, Device } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, PublicKeyFacts, Store } from '../core/ports.ts';
import { dependentsOf, holdersOf } from '../core/trust/dependents.ts';
import { daysLeft, expiryStage, type ExpiryStage } from '../core/trust/expiry.ts';
import { risksOf, type Risk, type RiskDecision } from '../core/trust/risk.ts';
import { readClusterView, type ClusterView } from './cluster-view.ts';

export interface ListedCertificate {
  readonly id: number;
  readonly store: CertificateStoreName;
  readonly purpose: CertificatePurpose | undefined;
  readonly node: string | undefined;
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** `RSA-2048`, `EC secp384r1`. */
  readonly key: string;
  readonly fingerprint: string;
  /** Seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly daysLeft: number;
  readonly expiry: ExpiryStage | undefined;
  /** An own certificate that is used now; others of its purpose wait for their switch. */
  readonly isInUse: boolean;
  readonly dependents: readonly string[];
  readonly provenance: string;
  readonly addedMs: number;
}

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
}

export async function listCertificates(
  { store, crypto }: Ports,
  nowSeconds: number,
): Promise<readonly ListedCertificate[]> {
  const view = await readClusterView(store, crypto);
  const lists = (await store.currentLists()).map((list) => holdersOf(crypto, list));
  const inUse = idsInUse(view);
  return view.certificates.map((row) => {
    const facts = factsOf(crypto, row.der);
    const days = daysLeft(facts.notAfter, nowSeconds);
    const isInUse = inUse.has(row.id);
    return {
      id: row.id,
      store: row.store,
      purpose: row.purpose,
      node: row.node,
      subject: facts.subject,
      issuer: facts.issuer,
      serial: toHex(facts.serial),
      key: keyWords(facts.publicKey),
      fingerprint: row.fingerprint,
      notBefore: facts.notBefore,
      notAfter: facts.notAfter,
      daysLeft: days,
      expiry: expiryStage(days),
      isInUse,
      dependents: dependentsOf(row.fingerprint, lists, isInUse ? row.purpose : undefined),
      provenance: row.provenance,
      addedMs: row.addedMs,
    };
  });
}

/** The risks of weak algorithms, against what the administrator decided. */
export async function listRisks(
  { store, crypto }: Ports,
  decision: RiskDecision,
  nowSeconds: number,
): Promise<readonly Risk[]> {
  const view = await readClusterView(store, crypto);
  const devices: readonly Device[] = await store.listDevices();
  const certificates = view.certificates.map(({ der }) => factsOf(crypto, der));
  return risksOf(crypto, { cluster: view.cluster, devices, certificates }, decision, nowSeconds);
}

/** Of other nodes too: the first row of each purpose is in use there. */
function idsInUse({ certificates }: ClusterView): ReadonlySet<number> {
  const seen = new Set<string>();
  const first = certificates.filter(({ store, purpose, node }) => {
    const key = `${purpose} ${node ?? ''}`;
    return store === 'own' && !seen.has(key) && seen.add(key);
  });
  return new Set(first.map(({ id }) => id));
}

function factsOf(crypto: Crypto, der: Uint8Array): CertificateFacts {
  const facts = crypto.readCertificate(der);
  assert(facts !== undefined, 'the cluster view has read every certificate it holds');
  return facts;
}

function keyWords(key: PublicKeyFacts): string {
  return key.kind === 'rsa' ? `RSA-${key.modulusBits}` : `EC ${key.curve}`;
}

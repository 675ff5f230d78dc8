/** Own certificates by purpose: which rows there are, whose a new one is, and whose the key is that signs lists. */
import { Failure } from '../base/errors.ts';
import type { CertificatePurpose, Rotation, StoredCertificate } from '../core/cluster/model.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { thisNodeOf, type ClusterView } from './cluster-view.ts';
import { clusterWidePurposes } from './init-cluster.ts';

/** Of this node or of the cluster, not retired; the one in use first. */
export function ownRows(view: ClusterView, purpose: CertificatePurpose): readonly StoredCertificate[] {
  const node = thisNodeOf(view).name;
  return view.certificates.filter(
    (row) => row.store === 'own' && row.purpose === purpose && (row.node ?? node) === node,
  );
}

/** `undefined` for a purpose of the whole cluster. */
export function nodeOfPurpose(view: ClusterView, purpose: CertificatePurpose): string | undefined {
  return clusterWidePurposes.has(purpose) ? undefined : thisNodeOf(view).name;
}

/** A certificate with a successor that stands beside it. */
export interface OpenRenewal {
  readonly purpose: CertificatePurpose;
  /** `undefined`: of the whole cluster. */
  readonly node: string | undefined;
}

/** Of every node. */
export function openRenewals({ certificates }: ClusterView): readonly OpenRenewal[] {
  const counts = new Map<string, OpenRenewal & { rows: number }>();
  for (const { store, purpose, node } of certificates) {
    if (store !== 'own' || purpose === undefined) continue;
    const key = `${purpose} ${node ?? ''}`;
    counts.set(key, { purpose, node, rows: (counts.get(key)?.rows ?? 0) + 1 });
  }
  return [...counts.values()].filter(({ rows }) => rows > 1);
}

/** Whose certificate a guided renewal brings; undefined for one that is there no more. */
export function nodeOfRotation({ certificates }: ClusterView, { fresh }: Rotation): string | undefined {
  return certificates.find(({ fingerprint, store }) => fingerprint === fresh && store === 'own')?.node;
}

/** Failure `refused` for a key that signs no list of this cluster. */
export function refuseForeignRecovery({ own }: ClusterView, { fingerprint }: CertificateFacts): void {
  const known = own.filter(({ purpose }) => purpose === 'itlrecovery');
  if (known.some(({ certificate }) => certificate.fingerprint === fingerprint)) return;
  throw new Failure('refused', 'the given key is not the ITLRecovery of this cluster', {
    hint: 'export-recovery on the first node writes it.',
  });
}

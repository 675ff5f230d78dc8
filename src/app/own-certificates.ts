/** Own certificates by purpose: which rows there are, and whose a new one is. */
import type { CertificatePurpose, StoredCertificate } from '../core/cluster/model.ts';
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

/**
 * A new key for a purpose of which the node has no certificate yet, self-signed; or a request, whose answer by another
 * CA comes back through import-certificate.ts. Where a certificate is in use, a self-signed successor is a renewal and
 * has its own steps; refused here.
 */
import { Failure } from '../base/errors.ts';
import { hostOf, type CertificatePurpose } from '../core/cluster/model.ts';
import type { Crypto, Issuer, KeyFiles, NewCertificate, Requested, Store, WallClock } from '../core/ports.ts';
import { readClusterView, thisNodeOf, type ClusterView } from './cluster-view.ts';
import { withNewKeys } from './new-keys.ts';
import { nodeOfPurpose, ownRows } from './own-certificates.ts';

export interface IssuePorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly issuer: Issuer;
  readonly keyFiles: KeyFiles;
}

export interface OwnPurposeRequest {
  readonly purpose: CertificatePurpose;
  /** Who does it. */
  readonly by: string;
}

export interface IssuedCertificate {
  readonly id: number;
  readonly subject: string;
  readonly fingerprint: string;
}

export async function issueCertificate(
  ports: IssuePorts,
  { purpose, by }: OwnPurposeRequest,
): Promise<IssuedCertificate> {
  const view = await readClusterView(ports.store, ports.crypto);
  if (ownRows(view, purpose).length > 0)
    throw new Failure('refused', `there is a ${purpose} certificate, and phones may hold it`, {
      hint: `tftp-pki renew-cert ${purpose}`,
    });
  const atMs = ports.clock.nowMs();
  const { certificate, encryptedKeyPem } = await ports.issuer.issue(orderOf(view, purpose, atMs));
  const { der, fingerprint, subject } = certificate;
  const row: NewCertificate = {
    store: 'own',
    purpose,
    node: nodeOfPurpose(view, purpose),
    der,
    fingerprint,
    provenance: `issued, ${by}`,
    addedMs: atMs,
  };
  const audit = { atMs, who: by, operation: `issue-cert ${purpose}`, detail: { certificate: fingerprint } };
  const id = await withNewKeys(ports, [{ fingerprint, encryptedKeyPem }], () =>
    ports.store.addCertificate(row, audit),
  );
  return { id, subject, fingerprint };
}

/** The key is durable, under its own name, before the request leaves. */
export async function requestCertificate(
  ports: IssuePorts,
  { purpose, by }: OwnPurposeRequest,
): Promise<Requested> {
  const view = await readClusterView(ports.store, ports.crypto);
  const atMs = ports.clock.nowMs();
  const requested = await ports.issuer.request(orderOf(view, purpose, atMs));
  await ports.keyFiles.save(requested.keyId, requested.encryptedKeyPem);
  await ports.store.recordAudit({
    atMs,
    who: by,
    operation: `issue-cert ${purpose} --csr`,
    detail: { subject: requested.subject, key: requested.keyId },
  });
  return requested;
}

function orderOf(view: ClusterView, purpose: CertificatePurpose, notBeforeMs: number) {
  return { purpose, clusterId: view.cluster.id, nodeName: hostOf(thisNodeOf(view)), notBeforeMs };
}

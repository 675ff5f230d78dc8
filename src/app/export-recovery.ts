/**
 * The ITLRecovery key leaves in a PKCS#12, to sign lists for phones when this folder is lost. The audit tells of it
 * before the key is opened: an export that cannot be written down does not happen.
 */
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';

export interface ExportRecoveryPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  exportPkcs12(certificate: CertificateFacts, friendlyName: string, passphrase: string): Promise<Uint8Array>;
}

export interface RecoveryExport {
  readonly certificate: CertificateFacts;
  readonly bytes: Uint8Array;
}

/** Failure `refused` for a passphrase that is not printable ASCII. */
export async function exportRecovery(
  ports: ExportRecoveryPorts,
  request: { readonly passphrase: string; readonly by: string },
): Promise<RecoveryExport> {
  const certificate = inUse(trustInputOf(await readClusterView(ports.store, ports.crypto)), 'itlrecovery');
  await ports.store.recordAudit({
    atMs: ports.clock.nowMs(),
    who: request.by,
    operation: 'export-recovery',
    detail: { certificate: certificate.fingerprint },
  });
  const bytes = await ports.exportPkcs12(certificate, 'ITLRecovery', request.passphrase);
  return { certificate, bytes };
}

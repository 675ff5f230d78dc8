/** Clusters' exports made by hand: certificates by their name and serial, manifests signed by their ITLRecovery. */
import type { BulkType } from '../../src/core/bulk/bulk-type.ts';
import { encodeManifest, type ManifestEntry } from '../../src/core/bulk/manifest.ts';
import { manifestName } from '../../src/core/bulk/layout.ts';
import type { BulkSource } from '../../src/core/bulk/verify-source.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { now, party, signBytes, type CertificateOptions } from './trust-builder.ts';

export const crypto = createVerifier();

/** A certificate of `key`, by the name and serial that are given. */
export function factsOf(
  commonName: string,
  options: Partial<CertificateOptions> & { readonly serial: string },
): CertificateFacts {
  const { der } = party({ key: 'callmanager-b', subject: [['CN', commonName]], ...options });
  const facts = crypto.readCertificate(Uint8Array.from(der));
  if (facts === undefined) throw new Error('the test made no certificate');
  return facts;
}

export interface Exported {
  readonly type: BulkType;
  readonly certificate: CertificateFacts;
  readonly node?: string;
}

export function entryOf({ type, certificate, node = '' }: Exported): ManifestEntry {
  const { fingerprint, subject, notBefore, notAfter } = certificate;
  const file = `${type}.${fingerprint.slice(0, 16)}.p12`;
  return { node, type, fingerprint, subject, notBefore, notAfter, file };
}

/** A signed manifest as an export of `by` would write it. */
export function manifestOf(
  cluster: string,
  exported: readonly Exported[],
  { counter = 1, by = 'sast-b', timestamp = now }: { counter?: number; by?: string; timestamp?: number } = {},
): Uint8Array {
  const recovery = party({ key: by, subject: [['CN', `ITLRECOVERY_${cluster}`]], serial: '01' });
  const content = encodeManifest({
    cluster,
    counter,
    when: timestamp,
    who: 'tester@here',
    signer: Uint8Array.from(recovery.der),
    certificates: exported.map(entryOf),
  });
  return Uint8Array.from(signBytes({ by: recovery, as: manifestName, timestamp, content, hash: 'sha512' }));
}

const recoveries = new Map<string, CertificateFacts>();

/** What `verifyManifest` and `joinSource` make of it, by hand. */
export function sourceOf(
  cluster: string,
  exported: readonly Exported[],
): BulkSource & { readonly cluster: string } {
  const signer =
    recoveries.get(cluster) ?? factsOf(`ITLRECOVERY_${cluster}`, { key: 'sast-b', serial: '01' });
  recoveries.set(cluster, signer);
  const certificates = exported.map(entryOf);
  return {
    cluster,
    manifest: { cluster, counter: 1, when: now, who: 'tester@here', signer: signer.der, certificates },
    signer,
    bytes: new Uint8Array(),
    sha256: '',
    certificates: exported.map((each) => ({ entry: entryOf(each), certificate: each.certificate })),
  };
}

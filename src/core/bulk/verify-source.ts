/**
 * One cluster's export, believed or not: the manifest's signature by the ITLRecovery that it names (which alone proves
 * nothing: known-peer.ts), then that there is a certificate for every fingerprint, and none beside them.
 * Refuses SHA-1, signers below policy, manifests from the future, certificates that cannot be read.
 */
import { bulkFileBytesMax } from '../../base/limits.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { printable, toHex } from '../../base/text.ts';
import { decodeSignedFile } from '../../wire/signed-file.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { verifyStrict } from '../trust/strict.ts';
import { manifestName } from './layout.ts';
import { decodeManifest, type BulkManifest, type ManifestEntry } from './manifest.ts';

export interface SignedManifest {
  readonly manifest: BulkManifest;
  readonly signer: CertificateFacts;
  /** As it was signed. */
  readonly bytes: Uint8Array;
  /** SHA-256 over the bytes, lower-case hex. */
  readonly sha256: string;
}

export interface SourceCertificate {
  readonly entry: ManifestEntry;
  readonly certificate: CertificateFacts;
}

export interface BulkSource extends SignedManifest {
  /** In the manifest's order. */
  readonly certificates: readonly SourceCertificate[];
}

/** The error is one sentence without its subject: "…'s manifest is not believed: …". */
export function verifyManifest(
  crypto: Crypto,
  bytes: Uint8Array,
  cluster: string,
  nowSeconds: number,
): Outcome<SignedManifest, string> {
  if (bytes.length > bulkFileBytesMax) return bad(`it is longer than ${bulkFileBytesMax} bytes`);
  const file = decodeSignedFile(bytes);
  if (!file.ok) return bad(file.error.message);
  const manifest = decodeManifest(file.value.content);
  if (!manifest.ok) return manifest;
  const signer = crypto.readCertificate(manifest.value.signer);
  if (signer === undefined) return bad('the certificate of its signer cannot be read');
  const verdict = verifyStrict(crypto, {
    bytes,
    name: manifestName,
    // The role in which the strict verifier looks for signers of files.
    trust: { lists: [], certificates: [{ role: 'TFTP', certificate: signer }] },
    policy: { allowSha1: false },
    nowSeconds,
  });
  if (!verdict.accepted) return bad(verdict.reason);
  if (manifest.value.cluster !== cluster)
    return bad(`it is the manifest of ${printable(manifest.value.cluster)}`);
  return good({
    manifest: manifest.value,
    signer,
    bytes,
    sha256: toHex(crypto.digest('sha256', bytes)),
  });
}

/** `certificates` are everything that came with it, in any order. */
export function joinSource(
  signed: SignedManifest,
  certificates: readonly CertificateFacts[],
): Outcome<BulkSource, string> {
  const byFingerprint = new Map(certificates.map((each) => [each.fingerprint, each]));
  const joined: SourceCertificate[] = [];
  for (const entry of signed.manifest.certificates) {
    const certificate = byFingerprint.get(entry.fingerprint);
    if (certificate === undefined)
      return bad(`the ${entry.type} certificate of ${entry.node || 'the cluster'} did not come with it`);
    joined.push({ entry, certificate });
  }
  const named = new Set(signed.manifest.certificates.map(({ fingerprint }) => fingerprint));
  const stranger = certificates.find(({ fingerprint }) => !named.has(fingerprint));
  if (stranger !== undefined)
    return bad(`${printable(stranger.subject)} came with it and is not named by it`);
  return good({ ...signed, certificates: joined });
}

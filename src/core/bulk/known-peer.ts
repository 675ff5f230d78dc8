/**
 * Whose manifests are believed (security.md §5): a manifest signed by itself proves nothing, so a cluster's first
 * ITLRecovery, and every further one, is accepted by a person; from then on its counter never goes back. A counter is the
 * signer's: what an earlier ITLRecovery signed is not believed any more, so a cluster that was set up anew begins at 1.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { SignedManifest } from './verify-source.ts';

export interface BulkPeer {
  readonly cluster: string;
  /** Of the ITLRecovery that a person accepted, SHA-256 hex. */
  readonly signer: string;
  /** Of the newest manifest that was seen; 0 before the first. */
  readonly counter: number;
  readonly manifestSha256: string | undefined;
  readonly acceptedMs: number;
  readonly acceptedBy: string;
}

export interface PeerRefusal {
  /** The end of "alpha: …". */
  readonly reason: string;
  readonly hint: string;
}

export function judgePeer(
  { manifest, signer, sha256 }: SignedManifest,
  peer: BulkPeer | undefined,
): Outcome<undefined, PeerRefusal> {
  const { cluster, counter } = manifest;
  const shown = `SHA256:${signer.fingerprint}`;
  const accept = `Ask the people of ${cluster} for the fingerprint of their ITLRecovery; if it is this one: --accept ${cluster}=${shown}`;
  if (peer === undefined)
    return bad({ reason: `nobody accepted its ITLRecovery yet: ${shown}`, hint: accept });
  if (peer.signer !== signer.fingerprint)
    return bad({ reason: `another ITLRecovery than the accepted one signs for it: ${shown}`, hint: accept });
  if (counter < peer.counter)
    return bad({
      reason: `its manifest ${counter} is older than manifest ${peer.counter}, which was seen before`,
      hint: `Somebody put an old export back: let ${cluster} run export-bulk again.`,
    });
  if (counter === peer.counter && peer.manifestSha256 !== undefined && peer.manifestSha256 !== sha256)
    return bad({
      reason: `there are two different manifests ${counter} of it`,
      hint: `Two nodes export for ${cluster}, or somebody else has its key: ask its people, then let it export again.`,
    });
  return good(undefined);
}

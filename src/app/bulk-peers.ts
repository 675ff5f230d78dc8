/** Whom an exchange believes: what a person accepts now, and what was accepted before. */
import { Failure } from '../base/errors.ts';
import { judgePeer, type BulkPeer, type PeerRefusal } from '../core/bulk/known-peer.ts';
import type { SignedManifest } from '../core/bulk/verify-source.ts';
import type { Crypto, Store, WallClock } from '../core/ports.ts';
import type { ClusterView } from './cluster-view.ts';

export interface Acceptance {
  readonly cluster: string;
  /** Of its ITLRecovery, SHA-256 hex. */
  readonly fingerprint: string;
}

/** A cluster that is left out of an exchange, and the next step. */
export interface RefusedSource {
  readonly cluster: string;
  readonly reason: string;
  readonly hint: string;
}

export class Peers {
  readonly #view: ClusterView;
  readonly #known: Map<string, BulkPeer>;

  constructor(view: ClusterView, known: readonly BulkPeer[]) {
    this.#view = view;
    this.#known = new Map(known.map((peer) => [peer.cluster, peer]));
  }

  /** Of ourselves the database says who signs; of others a person did. */
  judge(signed: SignedManifest): PeerRefusal | undefined {
    const { cluster } = signed.manifest;
    if (cluster === this.#view.cluster.id) return this.#judgeOurselves(signed);
    const judged = judgePeer(signed, this.#known.get(cluster));
    return judged.ok ? undefined : judged.error;
  }

  #judgeOurselves({ signer }: SignedManifest): PeerRefusal | undefined {
    const isOurs = this.#view.own.some(
      ({ purpose, certificate }) =>
        purpose === 'itlrecovery' && certificate.fingerprint === signer.fingerprint,
    );
    if (isOurs) return undefined;
    return {
      reason: `it has the name of this cluster and another ITLRecovery: SHA256:${signer.fingerprint}`,
      hint: 'Two clusters have one id, or somebody pretends: look who writes to the share.',
    };
  }
}

/** Remembers what `--accept` says, with an audit row each, and gives everything that is accepted. */
export async function acceptPeers(
  { store, clock }: { readonly store: Store; readonly crypto: Crypto; readonly clock: WallClock },
  view: ClusterView,
  accepted: readonly Acceptance[],
  by: string,
): Promise<Peers> {
  const known = await store.listBulkPeers();
  for (const { cluster, fingerprint } of accepted) {
    if (cluster === view.cluster.id)
      throw new Failure('usage', `${cluster} is this cluster: its own ITLRecovery is known`);
    if (known.some((peer) => peer.cluster === cluster && peer.signer === fingerprint)) continue;
    await store.acceptBulkPeer(cluster, fingerprint, {
      atMs: clock.nowMs(),
      who: by,
      operation: 'accept-bulk-peer',
      detail: { cluster, signer: fingerprint },
    });
  }
  return new Peers(view, accepted.length === 0 ? known : await store.listBulkPeers());
}

/** What was seen of others, so that nobody can put an older export back. */
export async function rememberSeen(
  store: Store,
  ownCluster: string,
  sources: readonly SignedManifest[],
): Promise<void> {
  const foreign = sources.filter(({ manifest }) => manifest.cluster !== ownCluster);
  await store.markBulkSeen(
    foreign.map(({ manifest: { cluster, counter }, sha256 }) => ({ cluster, counter, sha256 })),
  );
}

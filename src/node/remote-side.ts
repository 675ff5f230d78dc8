/**
 * The remote clusters of a running node: what is remembered of their devices, and the `origin` link over them, made anew
 * with every change of the database while memory and connections stay.
 */
import { homesSavedEveryMs } from '../base/limits.ts';
import type { Acceptance } from '../core/trust/list-library.ts';
import type { SettledHome } from '../core/cluster/home.ts';
import { OriginMemory } from '../core/cluster/origin-memory.ts';
import type { ClusterId, RemoteCluster } from '../core/cluster/remote.ts';
import type { ProbedServer } from '../core/cluster/remote-store.ts';
import { proofOf, type DeliveryPath } from '../core/cluster/source-memory.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { RemoteFiles } from '../core/ports.ts';
import { isLoopback, parseAddress } from '../core/tftp/network.ts';
import type { Link } from '../files/link.ts';
import { createOriginLink } from '../files/origin.ts';
import type { OpenNode } from './open-node.ts';

/** Files of remotes, told when the database names other ones. */
export interface RelayedFiles extends RemoteFiles {
  setRemotes(remotes: readonly RemoteCluster[]): void;
  /** Nothing that was kept of this cluster is given again. */
  forget(cluster: ClusterId): void;
}

export interface RemoteSideOptions {
  readonly node: Pick<OpenNode, 'store' | 'clock'>;
  /** Asked for when there are remote clusters, and then once. */
  readonly files: () => RelayedFiles;
  /** What is recorded of a device's own lists (design.md §5). */
  readonly beliefsAccept?: ((device: string, signer: string) => Acceptance) | undefined;
  /** Something could not be written; serving goes on. */
  readonly onTrouble: (error: unknown) => void;
  /** `explain` knows who asks. */
  readonly assume?: string | undefined;
  /** At the start, and whenever the database says something else. */
  readonly onMoment?: (() => void) | undefined;
  /** Of everything that stands behind it. */
  readonly onClose?: () => void;
}

export interface RemoteSide {
  /** Undefined where there are no remote clusters: then everything is answered from here. */
  link(moment: { readonly signer: string; readonly autoRegistration: boolean }): Promise<Link | undefined>;
  /** A file reached its requester whole. */
  delivered(name: string, address: string, path: DeliveryPath): void;
  /** As it was found last; undefined: not asked about. */
  homeOf(device: string): SettledHome | undefined;
  close(): Promise<void>;
}

export function createRemoteSide(options: RemoteSideOptions): RemoteSide {
  const { store, clock } = options.node;
  const memory = new OriginMemory();
  let movesReadMs = -1;
  let saving: Promise<unknown> = Promise.resolve();
  let files: RelayedFiles | undefined;
  let remotes: readonly RemoteCluster[] = [];
  const words = new Map<ClusterId, string>();

  const readMoves = async (): Promise<void> => {
    // Or a home that is being written at this moment would be read as it was before.
    await saving.catch(() => undefined);
    const moved = await store.homesMovedAfter(movesReadMs);
    // One that is written in this very millisecond is read again.
    movesReadMs = clock.nowMs() - 1;
    for (const { device, home, confirmedMs } of moved) memory.told(device, home, confirmedMs);
  };
  const save = async (): Promise<void> => {
    const homes = memory.takeUnsaved();
    if (homes.length === 0) return;
    saving = store.rememberHomes(homes);
    await saving;
  };
  const timer = setInterval(() => void save().catch(options.onTrouble), homesSavedEveryMs);
  timer.unref();

  return {
    async link({ signer, autoRegistration }) {
      remotes = await store.listRemotes();
      options.onMoment?.();
      if (remotes.length > 0) files ??= options.files();
      files?.setRemotes(remotes);
      if (remotes.length === 0 || files === undefined) return undefined;
      await readMoves();
      const probes = await store.listProbes();
      for (const { id } of remotes) {
        const now = wordsOf(probes, id);
        // Its lists are other ones than those that were passed on a moment ago: who is told of ours holds the new.
        if (words.has(id) && words.get(id) !== now) files.forget(id);
        words.set(id, now);
      }
      return createOriginLink({
        remotes,
        files,
        memory,
        store,
        clock,
        signer,
        autoRegistration,
        evidence: probes.flatMap(({ evidence }) => evidence),
        beliefsAccept: options.beliefsAccept ?? (() => 'unknown'),
        peers: peersOf(remotes),
        assume: options.assume,
      });
    },
    delivered(name, address, path) {
      const parsed = parseFileName(name);
      if (remotes.length === 0 || !parsed.ok || parsed.value.device === undefined) return;
      memory.sources.note(address, parsed.value.device, proofOf(path), clock.nowMs());
    },
    homeOf: (device) => memory.homes.get(device)?.home,
    async close() {
      clearInterval(timer);
      options.onClose?.();
      await save().catch(options.onTrouble);
    },
  };
}

/** Who stands on this very machine is known by its mark alone: its phones have the same address. */
function peersOf(remotes: readonly RemoteCluster[]): ReadonlySet<string> {
  const endpoints = remotes.flatMap(({ servers }) =>
    servers.flatMap(({ tftp, http }) => [tftp, http ?? tftp]),
  );
  return new Set(
    endpoints.flatMap(({ address }) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && isLoopback(parsed) ? [] : [address];
    }),
  );
}

/** What a cluster's lists and TVS say of our signers, without when they said it. */
function wordsOf(probes: readonly ProbedServer[], cluster: ClusterId): string {
  const evidence = probes.filter((probe) => probe.cluster === cluster).flatMap((probe) => probe.evidence);
  return JSON.stringify(evidence.map(({ server, signer, ctl, itl, tvs }) => [server, signer, ctl, itl, tvs]));
}

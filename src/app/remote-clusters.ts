/**
 * Remote clusters: added, listed, removed. Refused: our own address as a remote, a declared loop (both with the path),
 * a server that two clusters would share, `enforce` without a pin.
 */
import { Failure } from '../base/errors.ts';
import type { Evidence } from '../core/cluster/evidence.ts';
import { findLoop } from '../core/cluster/loop.ts';
import { serverKey, type ProbedServer } from '../core/cluster/remote-store.ts';
import type { ClusterId, RemoteCluster, RemoteEndpoint } from '../core/cluster/remote.ts';
import type { Store, WallClock } from '../core/ports.ts';

export interface RemotePorts {
  readonly store: Store;
  readonly clock: WallClock;
}

export type NewRemote = Omit<RemoteCluster, 'addedMs' | 'pin'> & {
  /** SHA-256, lower-case hex. */
  readonly pin: string | undefined;
};

export interface AddRequest {
  readonly remote: NewRemote;
  /** Is this one of the addresses that this node listens on? */
  readonly isOurs: (endpoint: RemoteEndpoint) => boolean;
  readonly by: string;
}

/** What somebody should know of the new remote, as sentences. Failure `refused` or `usage`. */
export async function addCluster(
  { store, clock }: RemotePorts,
  { remote, isOurs, by }: AddRequest,
): Promise<readonly string[]> {
  const own = await store.readCluster();
  if (own === undefined) throw new Failure('not-found', 'there is no cluster in this data folder');
  requireId(remote.id);
  if (remote.verify === 'enforce' && remote.pin === undefined)
    throw new Failure('usage', 'nothing can be enforced before it is known whose lists are the right ones', {
      hint: `--pin SHA256:…, or tftp-pki probe-cluster ${remote.id} first`,
    });
  const known = await store.listRemotes();
  refuseOwn(own.id, remote, isOurs);
  refuseShared(remote, known);
  refuseLoop(own.id, [...known, remote]);
  await refuseAutoRegistration(store, remote.id);
  const atMs = clock.nowMs();
  const pin = remote.pin === undefined ? undefined : { fingerprint: remote.pin, pinnedMs: atMs };
  const servers = remote.servers.map(({ tftp }) => serverKey(tftp));
  await store.addRemote(
    { ...remote, pin, addedMs: atMs },
    {
      atMs,
      who: by,
      operation: `add-cluster ${remote.id}`,
      detail: { servers, pin: remote.pin ?? null, common: remote.common, asks: remote.asks },
    },
  );
  return warningsOf(remote);
}

/** A phone of theirs that cannot be found in time would register here (domain.md §4). */
async function refuseAutoRegistration(store: Store, id: ClusterId): Promise<void> {
  const { provisioning } = await store.readProvisioning();
  if (provisioning?.autoRegistration !== true) return;
  throw new Failure('refused', `auto-registration is on: phones of ${id} would register here`, {
    hint: 'Turn it off first (autoRegistration: false, set-provisioning).',
  });
}

function warningsOf({ id, pin, asks }: NewRemote): readonly string[] {
  return [
    ...(pin === undefined
      ? [`${id} is not pinned: what it sends is passed on as it is, and nothing it says is evidence`]
      : []),
    ...(asks.length > 0
      ? [`${id} asks others itself: files of their phones do not pass through two proxies`]
      : []),
  ];
}

export async function removeCluster({ store, clock }: RemotePorts, id: ClusterId, by: string): Promise<void> {
  await store.removeRemote(id, {
    atMs: clock.nowMs(),
    who: by,
    operation: `remove-cluster ${id}`,
    detail: {},
  });
}

export interface ListedRemote {
  readonly remote: RemoteCluster;
  readonly probes: readonly ProbedServer[];
  /** Evidence for the signer in question. */
  readonly evidence: readonly Evidence[];
}

export async function listClusters({ store }: Pick<RemotePorts, 'store'>): Promise<readonly ListedRemote[]> {
  const probes = await store.listProbes();
  return (await store.listRemotes()).map((remote) => {
    const own = probes.filter(({ cluster }) => cluster === remote.id);
    return { remote, probes: own, evidence: own.flatMap(({ evidence }) => evidence) };
  });
}

/** Failure `not-found`. */
export async function knownCluster(
  { store }: Pick<RemotePorts, 'store'>,
  id: ClusterId,
): Promise<RemoteCluster> {
  const found = (await store.listRemotes()).find((remote) => remote.id === id);
  if (found === undefined)
    throw new Failure('not-found', `there is no remote cluster ${id}`, { hint: 'tftp-pki list-clusters' });
  return found;
}

function requireId(id: string): void {
  if (/^[A-Za-z0-9.-]{1,50}$/.test(id)) return;
  throw new Failure('usage', `${JSON.stringify(id)} is not the id of a cluster`, {
    hint: 'Up to 50 letters, digits, dots and hyphens.',
  });
}

function refuseOwn(own: ClusterId, remote: NewRemote, isOurs: (endpoint: RemoteEndpoint) => boolean): void {
  const ours = remote.servers.flatMap(({ tftp, http }) => [tftp, http ?? tftp]).find(isOurs);
  if (ours !== undefined)
    throw new Failure(
      'refused',
      `${serverKey(ours)} is this node: ${own} → ${remote.id} → ${own} is a loop`,
      {
        hint: "Name the remote cluster's own TFTP servers.",
      },
    );
}

function refuseShared(remote: NewRemote, known: readonly RemoteCluster[]): void {
  const keys = remote.servers.map(({ tftp }) => serverKey(tftp));
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw new Failure('usage', `${twice} is named twice`);
  for (const other of known)
    for (const { tftp } of other.servers)
      if (other.id !== remote.id && keys.includes(serverKey(tftp)))
        throw new Failure('refused', `${serverKey(tftp)} is a server of ${other.id} already`, {
          hint: 'One server answers for one cluster, or a device would have two homes.',
        });
}

function refuseLoop(own: ClusterId, remotes: readonly Pick<RemoteCluster, 'id' | 'asks'>[]): void {
  const asks = new Map<ClusterId, readonly ClusterId[]>(remotes.map(({ id, asks: others }) => [id, others]));
  const loop = findLoop(new Map([[own, remotes.map(({ id }) => id)], ...asks]));
  if (loop !== undefined)
    throw new Failure('refused', `the clusters would ask each other in a loop: ${loop.join(' → ')}`, {
      hint: 'A proxy asks clusters that ask nobody: one level (seed 002).',
    });
}

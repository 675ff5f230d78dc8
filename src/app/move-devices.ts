/**
 * `move-device`: whether devices take the lists of the cluster they move to, and then where their files come from from
 * now on. Refused as a whole when one of them has no path; what would open one is said.
 */
import { Failure } from '../base/errors.ts';
import { planMove, type Lists, type MovePath } from '../core/cluster/move-path.ts';
import type { SettledHome } from '../core/cluster/home.ts';
import type { ClusterId } from '../core/cluster/remote.ts';
import { parseDeviceName } from '../core/files/file-name.ts';
import type { Crypto, Store, WallClock } from '../core/ports.ts';

export interface MovePorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
}

export interface PlannedMove {
  readonly device: string;
  /** Id of the cluster it is of now; undefined: nobody knows. */
  readonly from: ClusterId | undefined;
  readonly path: MovePath;
}

export interface MovePlan {
  readonly to: ClusterId;
  readonly moves: readonly PlannedMove[];
}

/** Failure `usage` for what is no device, `not-found` for a cluster that is none. */
export async function planMoves(
  { store, crypto, clock }: MovePorts,
  names: readonly string[],
  to: ClusterId,
): Promise<MovePlan> {
  const own = (await store.readCluster())?.id;
  const remotes = (await store.listRemotes()).map(({ id }) => id);
  if (to !== own && !remotes.includes(to))
    throw new Failure('not-found', `there is no cluster ${to} here`, { hint: 'tftp-pki list-clusters' });
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const paths = new Map<ClusterId, MovePath>();
  const moves: PlannedMove[] = [];
  for (const device of new Set(names.map(deviceOf))) {
    const from = await homeOf(store, device, own);
    if (from === undefined) {
      const because = 'no cluster is known to be its home, so nobody knows which lists it holds';
      moves.push({ device, from, path: { kind: 'none', because, needs: [] } });
      continue;
    }
    const path =
      paths.get(from) ??
      (from === to
        ? { kind: 'path' as const, because: 'it is there already' }
        : planMove(crypto, await listsOf(store, from, own), await listsOf(store, to, own), nowSeconds));
    paths.set(from, path);
    moves.push({ device, from, path });
  }
  return { to, moves };
}

/** Failure `refused` when a device has no path. */
export async function moveDevices(
  { store, clock }: MovePorts,
  { to, moves }: MovePlan,
  by: string,
): Promise<void> {
  const stuck = moves.filter(({ path }) => path.kind === 'none');
  const [first] = stuck;
  if (first !== undefined)
    throw new Failure(
      'refused',
      `${stuck.length} of ${moves.length} devices have no path to ${to}: ${first.device}: ${first.path.because}`,
      {
        hint: 'Trust the certificates named above where the devices are now (trust-cert, update-ctl), let them take the new lists, then move.',
      },
    );
  const own = (await store.readCluster())?.id;
  const home: SettledHome = to === own ? { kind: 'here' } : { kind: 'remote', cluster: to };
  const devices = moves.map(({ device }) => device);
  const atMs = clock.nowMs();
  await store.moveHomes(devices, home, {
    atMs,
    who: by,
    operation: `move-device --to ${to}`,
    detail: { devices: devices.length, first: devices[0] ?? null },
  });
}

function deviceOf(name: string): string {
  const device = parseDeviceName(name);
  if (device === undefined) throw new Failure('usage', `${JSON.stringify(name)} is not a device name`);
  return device;
}

/** As remembered, else ours when the database has it. */
async function homeOf(
  store: Store,
  device: string,
  own: ClusterId | undefined,
): Promise<ClusterId | undefined> {
  const home = (await store.findHome(device))?.home;
  if (home?.kind === 'remote') return home.cluster;
  return (await store.findDevice(device)) === undefined ? undefined : own;
}

/** Of the first server that is known; what the others publish names the same signers. */
async function listsOf(store: Store, id: ClusterId, own: ClusterId | undefined): Promise<Lists> {
  if (id === own) {
    const lists = await store.currentLists();
    return {
      itl: lists.find(({ kind }) => kind === 'itl')?.bytes,
      ctl: lists.find(({ kind }) => kind === 'ctl')?.bytes,
    };
  }
  const all = (await store.listRemoteLists()).filter(({ cluster }) => cluster === id);
  const lists = all.filter(({ server }) => server === all[0]?.server);
  return {
    itl: lists.find(({ kind }) => kind === 'itl')?.bytes,
    ctl: lists.find(({ kind }) => kind === 'ctl')?.bytes,
  };
}

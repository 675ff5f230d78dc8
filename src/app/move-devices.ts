/**
 * `move-device`: whether devices take the lists of the cluster they move to, with everything that they may hold, and then
 * where their files come from from now on. Refused as a whole when one of them has no path, unless somebody names how
 * many have none; what would open one is said.
 */
import { Failure } from '../base/errors.ts';
import { offlineAfterMs } from '../base/limits.ts';
import { planMove, type Lists, type MovePath } from '../core/cluster/move-path.ts';
import type { SettledHome } from '../core/cluster/home.ts';
import type { ClusterId, RemoteCluster } from '../core/cluster/remote.ts';
import { parseDeviceName } from '../core/files/file-name.ts';
import type { Store } from '../core/ports.ts';
import { signsSha512 } from '../core/trust/phone-checks.ts';
import { readField, type FieldPorts } from './field.ts';
import { MoveField, type DevicePath, type MovePair } from './move-field.ts';
import type { PlannedStep } from './plan-steps.ts';

/** Asked of a remote whose lists nobody accepted yet: whether it says, now, that it has none. */
export type HasNoLists = (remote: RemoteCluster) => Promise<boolean>;

export interface PlannedMove {
  readonly device: string;
  /** Id of the cluster it is of now; undefined: nobody knows. */
  readonly from: ClusterId | undefined;
  readonly path: MovePath;
}

/** As plans of other changes of trust: each device is counted once, as the first of the three that holds of it. */
export interface MovePlan {
  readonly to: ClusterId;
  readonly moves: readonly PlannedMove[];
  readonly stranded: readonly string[];
  readonly unknown: readonly string[];
  readonly offline: readonly string[];
  /** Of the devices whose home is here. */
  readonly pairs: readonly MovePair[];
  readonly steps: readonly PlannedStep[];
}

/** Failure `usage` for what is no device, `not-found` for a cluster that is none. */
export async function planMoves(
  ports: FieldPorts,
  names: readonly string[],
  to: ClusterId,
  hasNoLists: HasNoLists,
): Promise<MovePlan> {
  const { store, crypto, clock } = ports;
  const own = (await store.readCluster())?.id;
  const remotes = await store.listRemotes();
  if (to !== own && !remotes.some(({ id }) => id === to))
    throw new Failure('not-found', `there is no cluster ${to} here`, { hint: 'tftp-pki list-clusters' });
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const field = await readField(ports);
  const devices = new Map(field.devices.map((device) => [device.name, device]));
  const ours = await listsOf(store, own ?? '', own);
  const theirs = await listsOf(store, to, own);
  const here = new MoveField(crypto, field, theirs, nowSeconds);
  // Who lives with SHA-512 here reads it.
  const meetsSha512 = isSha512(theirs) && !isSha512(ours);
  const pathBetween = async (from: ClusterId): Promise<MovePath> => {
    const lists = await listsOf(store, from, own);
    const remote = remotes.find(({ id }) => id === from);
    // Lists that nobody has seen are not lists that are not there.
    if (isEmpty(lists) && (remote === undefined || !(await hasNoLists(remote))))
      return {
        kind: 'none',
        because: `the lists of ${from} are not known: probe-cluster ${from}`,
        needs: [],
      };
    return planMove(crypto, lists, theirs, nowSeconds);
  };
  const paths = new Map<ClusterId, MovePath>();
  const pathFrom = async (from: ClusterId | undefined, name: string): Promise<DevicePath> => {
    if (from === undefined) return { path: nowhere, isUnknown: true };
    if (from === to) return { path: thereAlready, isUnknown: false };
    const device = devices.get(name);
    if (from === own && device !== undefined) {
      const found = here.pathOf(device, ours);
      const mayRead = device.readsSha512 || !meetsSha512;
      return found.path.kind === 'none' || mayRead ? found : { ...found, path: unreadable };
    }
    const path = paths.get(from) ?? (await pathBetween(from));
    paths.set(from, path);
    // What its home publishes is all that is known of what it holds.
    return { path, isUnknown: true };
  };
  const moves: PlannedMove[] = [];
  const [stranded, unknown, offline]: [string[], string[], string[]] = [[], [], []];
  for (const device of new Set(names.map(deviceOf))) {
    const from = await homeOf(store, device, own);
    const { path, isUnknown } = await pathFrom(from, device);
    moves.push({ device, from, path });
    const heardMs = devices.get(device)?.heardMs ?? 0;
    if (path.kind === 'none') stranded.push(device);
    else if (isUnknown) unknown.push(device);
    else if (from === own && heardMs < clock.nowMs() - offlineAfterMs) offline.push(device);
  }
  const atHome = moves.flatMap(({ device, from }) => (from === own ? (devices.get(device) ?? []) : []));
  const counted = { to, moves, stranded, unknown, offline };
  return { ...counted, pairs: to === own ? [] : here.pairsOf(atHome), steps: stepsOf(counted) };
}

/** Every one of them was judged with the lists in force; a certificate that is to come opens the path it is named for. */
function stepsOf({
  to,
  moves,
  stranded,
}: Pick<MovePlan, 'to' | 'moves' | 'stranded'>): readonly PlannedStep[] {
  const move = { command: `tftp-pki move-device --to ${to}`, stranded: 0 };
  const reset = { command: 'tftp-pki reset-phones', stranded: 0 };
  if (stranded.length === 0)
    return [
      {
        command: 'add-device there',
        when: 'before: a device without a configuration there gets none',
        stranded: null,
      },
      { ...move, when: 'now' },
      { ...reset, when: 'then: they take what is theirs there when they boot' },
    ];
  const needs = moves.flatMap(({ path }) => (path.kind === 'none' ? path.needs : []));
  const wanted = [...new Set(needs)].map((need) => ({
    command: 'tftp-pki trust-cert --store phone-sast-trust',
    when: `first, where the devices are now: ${need}`,
    stranded: null,
  }));
  if (wanted.length === 0)
    return [
      {
        command: `tftp-pki probe-cluster ${to}`,
        when: 'first: nobody knows the lists of one of the two',
        stranded: null,
      },
      { ...move, when: 'when plan counts no stranded phone any more' },
    ];
  return [
    ...wanted,
    { command: 'tftp-pki update-ctl and update-itl', when: 'then, there', stranded: null },
    { ...reset, when: 'then: they take the lists that name it when they boot' },
    { ...move, when: 'when show-trust shows that they did: plan counts no stranded phone then' },
  ];
}

const nowhere: MovePath = {
  kind: 'none',
  because: 'no cluster is known to be its home, so nobody knows which lists it holds',
  needs: [],
};
const unreadable: MovePath = {
  kind: 'none',
  because:
    'the lists there are signed with SHA-512, and nobody said that its model reads that (risk.sha512Models)',
  needs: [],
};
const thereAlready: MovePath = { kind: 'path', because: 'it is there already' };

/** Failure `refused` unless every device has a path, or exactly as many have none as somebody said. */
export async function moveDevices(
  { store, clock }: FieldPorts,
  { to, moves, stranded }: MovePlan,
  by: string,
  allowed: number | undefined,
): Promise<void> {
  refuseStuck({ to, moves, stranded }, allowed);
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

function refuseStuck(
  { to, moves, stranded }: Pick<MovePlan, 'to' | 'moves' | 'stranded'>,
  allowed: number | undefined,
): void {
  if (stranded.length === (allowed ?? 0)) return;
  const first = moves.find(({ path }) => path.kind === 'none');
  if (first === undefined)
    throw new Failure('refused', `--strand ${allowed} is not what would happen: no device is stranded`, {
      hint: `tftp-pki move-device --to ${to}, without --strand`,
    });
  throw new Failure(
    'refused',
    `${stranded.length} of ${moves.length} devices have no path to ${to}: ${first.device}: ${first.path.because}`,
    {
      hint:
        'Trust the certificates named above where the devices are now (trust-cert, update-ctl), let them take the new lists, then move; ' +
        `--strand ${stranded.length} moves them all the same.`,
    },
  );
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

function isSha512({ itl, ctl }: Lists): boolean {
  return [itl, ctl].some((bytes) => bytes !== undefined && signsSha512(bytes));
}

function isEmpty({ itl, ctl }: Lists): boolean {
  return itl === undefined && ctl === undefined;
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

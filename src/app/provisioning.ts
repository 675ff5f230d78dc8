/** The provisioning as a whole: read, or replaced; and which devices a change touches and must be reset for. */
import { Failure } from '../base/errors.ts';
import type { TouchedDevices } from '../core/devices/device-store.ts';
import { defaultProvisioning, type Provisioning } from '../core/devices/provisioning.ts';
import type { Store, WallClock } from '../core/ports.ts';

export async function readProvisioning(store: Store): Promise<Provisioning> {
  const { provisioning } = await store.readProvisioning();
  return provisioning ?? defaultProvisioning((await store.listNodes()).map(({ name }) => name));
}

/**
 * Names of the devices that must be reset, those of earlier changes included. Refused: to turn auto-registration on
 * where there are remote clusters (domain.md §4: a phone of theirs that cannot be found in time would register here).
 */
export async function setProvisioning(
  ports: { readonly store: Store; readonly clock: WallClock },
  wanted: Provisioning,
): Promise<readonly string[]> {
  const current = await readProvisioning(ports.store);
  if (wanted.autoRegistration && !current.autoRegistration) await refuseRemotes(ports.store);
  await ports.store.writeProvisioning(wanted, touchedBy(current, wanted), ports.clock.nowMs());
  return ports.store.devicesToReset();
}

async function refuseRemotes(store: Store): Promise<void> {
  const [remote] = await store.listRemotes();
  if (remote === undefined) return;
  throw new Failure(
    'refused',
    `auto-registration stays off: ${remote.id} is a remote cluster, and its phones would register here`,
    { hint: 'Add the phones of this cluster with add-device or import-devices.' },
  );
}

/** Pools whose settings or whose group changed, and models. */
export function touchedBy(before: Provisioning, after: Provisioning): TouchedDevices {
  const groups = new Set(changedNames(before.groups, after.groups));
  const pools = new Set(changedNames(before.pools, after.pools));
  for (const [name, { group }] of Object.entries(after.pools)) if (groups.has(group)) pools.add(name);
  return { pools: [...pools], models: changedNames(before.models, after.models) };
}

function changedNames(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => canonical(before[name]) !== canonical(after[name]));
}

/** JSON with sorted keys, so that the order in which somebody wrote them is no change. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/**
 * The names of all devices, kept from one look to the next: a change of one among 100,000 reads its row and not all of
 * them, which costs a tenth of a second in which no phone is answered.
 */
import { signAheadDevicesMax } from '../base/limits.ts';
import type { ChangedDevice, DeviceStore } from '../core/devices/device-store.ts';

type Devices = Pick<
  DeviceStore,
  'listDeviceNames' | 'countDevices' | 'devicesChangedAfter' | 'lastChangedDevice'
>;

/** Each call gives those of its moment; one at a time. */
export function createDeviceNames(devices: Devices): () => Promise<ReadonlySet<string>> {
  let names = new Set<string>();
  let known: ChangedDevice | undefined;
  const readAll = async (last: ChangedDevice): Promise<ReadonlySet<string>> => {
    names = new Set(await devices.listDeviceNames());
    known = last;
    return names;
  };
  return async () => {
    // Before the names: what comes meanwhile is looked at once more the next time.
    const last = await devices.lastChangedDevice();
    // A database that was restored counts on from an older number.
    if (known === undefined || last.mark < known.mark) return readAll(last);
    const changed = await devices.devicesChangedAfter(known, signAheadDevicesMax);
    if (changed.length === signAheadDevicesMax) return readAll(last);
    for (const { name } of changed) names.add(name);
    known = changed.at(-1) ?? known;
    // One that is gone is on no page.
    return names.size === (await devices.countDevices()) ? names : readAll(last);
  };
}

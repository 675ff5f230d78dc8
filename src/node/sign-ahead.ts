/**
 * Signs changed devices before they ask: their configurations go once through the chain, a few at a time, so that a
 * phone that asks meanwhile waits behind a few signatures and not behind a fleet (design.md §5).
 */
import { signAheadConcurrentMax, signAheadDevicesMax } from '../base/limits.ts';
import type { ChangedDevice, DeviceStore } from '../core/devices/device-store.ts';
import type { Resolver } from '../core/ports.ts';

export interface SignAhead {
  /** Everything changed since this was made or since it was called last, and how much; a chain that came later takes over. */
  start(resolver: Resolver): Promise<number>;
  /** Somebody else does it: what had changed when this was called the last time is done. */
  leave(): Promise<void>;
  stop(): void;
}

export async function createSignAhead(
  devices: Pick<DeviceStore, 'devicesChangedAfter' | 'lastChangedDevice'>,
): Promise<SignAhead> {
  let done = await devices.lastChangedDevice();
  let left = done;
  let run = 0;
  const sign = async (resolver: Resolver, page: readonly ChangedDevice[], mine: number): Promise<void> => {
    const next = page.values();
    const work = async (): Promise<void> => {
      for (const { name } of next) {
        if (run !== mine) return;
        await resolver.resolve({ ...asking, name: `${name}.cnf.xml.sgn` });
      }
    };
    await Promise.all(Array.from({ length: signAheadConcurrentMax }, work));
  };
  return {
    async start(resolver) {
      const mine = ++run;
      for (let count = 0; ;) {
        const page = await devices.devicesChangedAfter(done, signAheadDevicesMax);
        if (page.length === 0) return count;
        await sign(resolver, page, mine);
        // Given up for a later chain: that one begins where this one did.
        if (run !== mine) return count;
        count += page.length;
        done = left = page.at(-1) ?? done;
      }
    },
    async leave() {
      const now = await devices.lastChangedDevice();
      [done, left] = [left, now];
    },
    stop() {
      run++;
    },
  };
}

const asking = { transport: 'tftp', address: 'signed ahead', port: 0 } as const;

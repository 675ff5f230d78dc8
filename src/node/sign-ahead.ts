/**
 * Signs changed devices before they ask: their configurations go once through the chain, a few at a time, so that a
 * phone that asks meanwhile waits behind a few signatures and not behind a fleet (design.md §5).
 */
import { signAheadConcurrentMax, signAheadDevicesMax } from '../base/limits.ts';
import type { DeviceStore } from '../core/devices/device-store.ts';
import type { Resolver } from '../core/ports.ts';

export interface SignAhead {
  /** Everything changed since the last call; a chain that came later takes over. */
  start(resolver: Resolver): Promise<void>;
  stop(): void;
}

export function createSignAhead(
  devices: Pick<DeviceStore, 'devicesChangedAfter'>,
  sinceMs: number,
): SignAhead {
  let last = sinceMs;
  let run = 0;
  return {
    async start(resolver) {
      const mine = ++run;
      const from = last;
      const names = await devices.devicesChangedAfter(from, signAheadDevicesMax);
      const next = names.values();
      const work = async (): Promise<void> => {
        for (const name of next) {
          if (run !== mine) return;
          await resolver.resolve({ ...asking, name: `${name}.cnf.xml.sgn` });
        }
      };
      last = Math.max(last, Date.now());
      await Promise.all(Array.from({ length: signAheadConcurrentMax }, work));
      // Given up for a later chain: that one begins where this one did.
      if (run !== mine) last = Math.min(last, from);
    },
    stop() {
      run++;
    },
  };
}

const asking = { transport: 'tftp', address: 'signed ahead', port: 0 } as const;

/** A port of its own for one transfer, from the range that firewalls let through (RFC 1350 §4: the TID). */
import type { Socket } from 'node:dgram';
import { Failure } from '../base/errors.ts';
import { bindUdp } from './udp.ts';

/** Ports tried before a range counts as full. */
const triesMax = 32;

/**
 * Unpredictable within the range, because a forger who knows the port can acknowledge for the client;
 * `{low: 0, high: 0}` leaves the choice to the kernel. `undefined`: none found free.
 */
export async function bindTransferPort(
  address: string,
  range: { readonly low: number; readonly high: number },
): Promise<Socket | undefined> {
  const size = range.high - range.low + 1;
  const start = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  for (let i = 0; i < Math.min(size, triesMax); i++) {
    const port = range.low + ((start + i) % size);
    try {
      return await bindUdp(address, port, 'TFTP transfer port');
    } catch (error) {
      if (!(error instanceof Failure)) return undefined; // no descriptor left: another port will not help
    }
  }
  return undefined;
}

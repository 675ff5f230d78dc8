/**
 * Kindness to remotes (design.md §4): how many devices that nobody has heard of may be asked for, in all and from one
 * /24 or /56. A device that is asked for again while its search goes on, or whose home is known, costs nothing here.
 */
import {
  newNamesPerSecondMax,
  newNamesPerSubnetPerSecondMax,
  rememberedSourcesMax,
} from '../../base/limits.ts';
import { LeakyBuckets } from '../tftp/leaky-bucket.ts';
import { parseAddress, subnetKey } from '../tftp/network.ts';

export class NewNames {
  readonly #all = bucketsOf(newNamesPerSecondMax, 1);
  readonly #subnets = bucketsOf(newNamesPerSubnetPerSecondMax, rememberedSourcesMax);

  /** Takes one place; false when there is none at this moment. */
  take(address: string, nowMs: number): boolean {
    const all = this.#all.of('', nowMs);
    const subnet = this.#subnets.of(sourceKey(address), nowMs);
    if (this.#subnets.isFull(subnet, nowMs) || this.#all.isFull(all, nowMs)) return false;
    subnet.level++;
    all.level++;
    return true;
  }
}

/** A bucket takes one more while there is room for the whole of it, a thousandth forgiven to arithmetic. */
function bucketsOf(perSecond: number, bucketsMax: number): LeakyBuckets {
  return new LeakyBuckets(perSecond - 1 + 0.001, perSecond / 1000, bucketsMax);
}

/** One text per /24 or /56: who shares limits. */
export function sourceKey(address: string): string {
  const parsed = parseAddress(address);
  return parsed ? subnetKey(parsed) : address;
}

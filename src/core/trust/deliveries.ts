/** What a phone was given, as far as it is remembered: so many lists (belief-book.ts). */
import { deliveriesPerDeviceMax } from '../../base/limits.ts';
import type { Delivery } from './belief-book.ts';

/** The one that was given the longest time ago is forgotten. */
export function remembered(deliveries: readonly Delivery[]): readonly Delivery[] {
  if (deliveries.length <= deliveriesPerDeviceMax) return deliveries;
  const lastOf = ({ lastMs, sinceMs }: Delivery): number => lastMs ?? sinceMs;
  const oldest = Math.min(...deliveries.map(lastOf));
  const gone = deliveries.findIndex((delivery) => lastOf(delivery) === oldest);
  return deliveries.filter((_, at) => at !== gone);
}

/** As many lists are remembered as were given since then: one more may have been forgotten. */
export function mayHaveForgotten(deliveries: readonly Delivery[], sinceMs: number): boolean {
  return (
    deliveries.length >= deliveriesPerDeviceMax &&
    givenSince(deliveries, sinceMs).length === deliveries.length
  );
}

export function givenSince(deliveries: readonly Delivery[], sinceMs: number): readonly Delivery[] {
  return deliveries.filter(({ lastMs = Infinity }) => lastMs >= sinceMs);
}

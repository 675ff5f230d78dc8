/** What is noted of a list that a phone had been given before: the last time, and since when it is proved. */
import { deliveryGrainMs } from '../../base/limits.ts';
import type { Delivery } from './belief-book.ts';

/** `known` itself where there is nothing new. */
export function deliveredAgain(known: Delivery, again: Delivery): Delivery {
  const lastMs = Math.max(known.lastMs ?? 0, again.sinceMs);
  const last = known.lastMs === undefined ? {} : { lastMs };
  // Anybody may have acknowledged the first, and may have done so to have it noted.
  if (known.how === 'single-port' && again.how !== 'single-port')
    return { ...known, ...last, how: again.how, sinceMs: again.sinceMs };
  const isNews = known.lastMs !== undefined && lastMs - known.lastMs > deliveryGrainMs;
  return isNews ? { ...known, ...last } : known;
}

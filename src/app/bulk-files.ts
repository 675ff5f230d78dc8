/**
 * Reading from a share on which anybody may write: what stands in a place that cannot be read is that place's fault and
 * a reason to leave it out; a share that fails, or a connection that is lost, ends everything.
 */
import { Failure } from '../base/errors.ts';
import { shareRequestsMax } from '../base/limits.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import type { Share } from '../core/bulk/share.ts';

/** `undefined` when there is nothing; the error says what stands there. Failures of the share. */
export async function readPlace(
  share: Share,
  path: string,
  bytesMax: number,
): Promise<Outcome<Uint8Array | undefined, string>> {
  try {
    return good(await share.read(path, bytesMax));
  } catch (error) {
    const isOfPlace = error instanceof Failure && placeCodes.includes(error.code);
    if (isOfPlace) return bad(error.message);
    throw error;
  }
}

const placeCodes: readonly Failure['code'][] = ['format', 'permission-denied'];

/** `work` on each, as many at once as a share is asked; the results in order. */
export async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += shareRequestsMax)
    results.push(...(await Promise.all(items.slice(at, at + shareRequestsMax).map(work))));
  return results;
}

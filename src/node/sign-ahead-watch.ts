/**
 * Which node signs changed devices ahead: of several on one database the one that holds its lock (postgres-work.ts),
 * since what costs time is the timestamp, and that one is shared. When it is gone another one goes on with what it left,
 * without waiting for the next change. Refused by nobody: a node that cannot ask signs, twice is better than not at all.
 */
import { sharedWorkLookMs } from '../base/limits-database.ts';
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import type { OpenNode } from './open-node.ts';
import { createSignAhead } from './sign-ahead.ts';

export interface SignAheadWatch {
  /** The resolver is another one, and answers with what changed. */
  changed(): void;
  close(): void;
}

export async function watchSignAhead(
  { store, subscription }: Pick<OpenNode, 'store' | 'subscription'>,
  resolver: () => Resolver,
  onEvent: EventSink,
  onTrouble: (error: unknown) => void,
): Promise<SignAheadWatch> {
  const ahead = await createSignAhead(store);
  const whose = async () => (await subscription?.whose('sign-ahead')) ?? 'ours';
  const sign = async (): Promise<void> => {
    const devices = await ahead.start(resolver());
    if (devices > 0) onEvent({ type: 'signed-ahead', devices });
  };
  let wasOurs = subscription === undefined;
  const change = async (): Promise<void> => {
    const now = await whose();
    wasOurs = now === 'ours';
    if (now !== 'others') await sign();
  };
  const look = async (): Promise<void> => {
    const now = await whose();
    const isTaken = now === 'ours' && !wasOurs;
    wasOurs = now === 'ours';
    if (now === 'others') await ahead.leave();
    else if (isTaken) await sign();
  };
  const timer = subscription && setInterval(() => void look().catch(onTrouble), sharedWorkLookMs);
  return {
    changed: () => void change().catch(onTrouble),
    close() {
      clearInterval(timer);
      ahead.stop();
    },
  };
}

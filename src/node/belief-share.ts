/**
 * What this node heard of phones, told to the other nodes through the database (design.md §7): their plans must count
 * the lists that this one gave out. Its file is the truth; what could not be told waits, newest word of each device.
 */
import { beliefsPerStatementMax } from '../base/limits-database.ts';
import type { Gap } from '../core/trust/belief-book.ts';
import type { HeardBeliefs, StoredBelief } from '../core/trust/belief-store.ts';
import type { OpenNode } from './open-node.ts';

export interface BeliefShare {
  readonly add: (heard: HeardBeliefs) => void;
  /** A piece of what waits; nothing while a piece is under way, or the database is away. */
  tell(): Promise<void>;
}

/** Begins with all that is known: nobody knows what an earlier process had told. */
export function createBeliefShare(
  { subscription, store }: Pick<OpenNode, 'subscription' | 'store'>,
  known: HeardBeliefs,
  warn: (message: string) => void,
): BeliefShare {
  if (subscription === undefined) return { add: () => undefined, tell: () => Promise.resolve() };
  const waiting = new Map<string, StoredBelief>(known.devices.map((belief) => [belief.name, belief]));
  let gaps: readonly Gap[] = known.gaps;
  let underWay: Promise<void> | undefined;

  const tellPiece = async (): Promise<void> => {
    const devices = [...waiting.values()].slice(0, piecePerTurn);
    const told = gaps;
    if (devices.length + told.length === 0) return;
    try {
      await store.shareBeliefs({ devices, gaps: told });
    } catch (error) {
      if (subscription.state().awaySinceMs === undefined)
        warn(`not told to the other nodes yet: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    gaps = gaps.slice(told.length);
    for (const belief of devices) if (waiting.get(belief.name) === belief) waiting.delete(belief.name);
  };
  return {
    add(heard) {
      for (const belief of heard.devices) waiting.set(belief.name, belief);
      gaps = [...gaps, ...heard.gaps];
    },
    async tell() {
      if (underWay !== undefined) return underWay;
      if (subscription.state().awaySinceMs !== undefined) return;
      underWay = tellPiece().finally(() => (underWay = undefined));
      return underWay;
    },
  };
}

/** A fleet of 100,000 is told within a minute, beside what is heard meanwhile. */
const piecePerTurn = 4 * beliefsPerStatementMax;

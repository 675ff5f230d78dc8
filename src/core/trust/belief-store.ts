/** Where beliefs survive a restart, as core and app see it: one writer, the server; commands read (src/store/beliefs.ts). */
import type { PairKey } from './belief.ts';
import type { DeviceBelief, Gap, ServedList } from './belief-book.ts';

/** A device's belief with its set written out. */
export interface StoredBelief extends Omit<DeviceBelief, 'set'> {
  readonly pairs: readonly PairKey[];
}

export interface StoredBeliefs {
  /** Devices with the same beliefs share one array. */
  readonly devices: readonly StoredBelief[];
  readonly gaps: readonly Gap[];
  /** A writer did not say good-bye: what it heard in its last second is not in here. */
  readonly unfinished: boolean;
  /** What the writer served last, and before that if it was a moment ago. */
  readonly serving: readonly ServedList[];
}

/** What one node heard. */
export type HeardBeliefs = Pick<StoredBeliefs, 'devices' | 'gaps'>;

export interface SharedBeliefs extends HeardBeliefs {
  readonly node: string;
}

/** For commands: what is known now, read beside the writer. */
export interface BeliefSource {
  readBeliefs(): StoredBeliefs;
}

/** Nobody has written yet. */
export const noBeliefs: StoredBeliefs = { devices: [], gaps: [], unfinished: false, serving: [] };

export interface BeliefWriter {
  readonly stored: StoredBeliefs;
  /** One transaction. */
  save(devices: readonly StoredBelief[], gaps: readonly Gap[]): void;
  /** Told before phones can get them. */
  serving(lists: readonly ServedList[]): void;
  /** Forgets devices that are no more. */
  forget(names: readonly string[]): void;
  /** Everything heard was saved. */
  close(): void;
}

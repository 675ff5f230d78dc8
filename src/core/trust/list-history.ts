/** What the database holds of published lists, as the operations on them see it; a part of `Store` (core/ports.ts). */
import type { PublishedList, Rotation } from '../cluster/model.ts';

export interface ListHistory {
  /** The lists of the current generation; empty before the first publication. */
  currentLists(): Promise<readonly PublishedList[]>;
  listGeneration(generation: number): Promise<readonly PublishedList[]>;
  /** The lists of every generation, in order: what phones may hold. */
  listPublished(): Promise<readonly PublishedList[]>;
  /** Guided renewals under way. */
  listRotations(): Promise<readonly Rotation[]>;
}

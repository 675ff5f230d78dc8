/**
 * What a phone may hold that showed that it takes files by a signer: the pairs that do not believe it are disproved. Lists
 * of ours that explain it need nothing unknown to; without any, only the unknown does.
 */
import type { CertificateFacts } from '../ports.ts';
import { anyOfOurs, nothing, unknown, type BeliefSets, type PairKey, type SetId } from './belief.ts';

/** Which pairs behave as seen; the judge answers (list-library.ts). */
export interface ExplainsBelief {
  believes(key: PairKey, fileSigner: CertificateFacts): boolean;
  /** The pair with what has to be so of a phone that holds it and believes this signer. */
  narrowed(key: PairKey, fileSigner: CertificateFacts): PairKey;
  /** What "any of ours" stands for. */
  all(): readonly PairKey[];
}

export function setAfterShowing(
  sets: BeliefSets,
  set: SetId,
  explains: ExplainsBelief,
  fileSigner: CertificateFacts,
): SetId {
  const whole = spelled(sets, set, () => explains.all());
  const believes = (key: PairKey): boolean => explains.believes(key, fileSigner);
  const isOurs = sets.pairs(whole).some((key) => key !== unknown && key !== nothing && believes(key));
  const kept = sets.keep(whole, (key) => believes(key) && !(isOurs && key === unknown));
  const after = sets.narrow(kept, (key) => explains.narrowed(key, fileSigner));
  return after === whole ? set : after;
}

/** "Any of ours" can only be disproved in part when it is written out. */
export function spelled(sets: BeliefSets, set: SetId, all: () => readonly PairKey[]): SetId {
  const pairs = sets.pairs(set);
  if (!pairs.includes(anyOfOurs)) return set;
  return sets.spelled([...pairs.filter((key) => key !== anyOfOurs), ...all()]);
}

/** The field after a boot, for plans of what may follow: every pair led to what its phones then hold. */
import { anyOfOurs, type PairKey } from './belief.ts';
import type { ListLibrary } from './list-library.ts';
import type { FieldGroup, PairJudge } from './strand.ts';

/** The field when everybody has booted once; who may hold lists of elsewhere may go on doing so. */
export function bootedField(
  judge: PairJudge,
  library: ListLibrary,
  field: readonly FieldGroup[],
  when: 'before' | 'after',
): readonly FieldGroup[] {
  const known = new Map<string, readonly PairKey[]>();
  const booted = (key: PairKey, readsSha512: boolean): readonly PairKey[] => {
    const word = `${key} ${readsSha512}`;
    const pairs = known.get(word) ?? judge.booted(key, when, readsSha512);
    known.set(word, pairs);
    return pairs;
  };
  return field.map(({ pairs, readsSha512, phones }) => {
    const elsewhere = pairs.filter((key) => key !== anyOfOurs && library.bytes(key) === undefined);
    const ours = library.known(pairs).flatMap((key) => booted(key, readsSha512));
    return { phones, readsSha512, pairs: [...new Set([...elsewhere, ...ours])] };
  });
}

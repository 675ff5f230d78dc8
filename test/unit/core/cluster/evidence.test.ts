import { describe, expect, it } from 'vitest';
import { evidenceForMs } from '../../../../src/base/limits.ts';
import {
  coverOf,
  type CoverQuestion,
  type Evidence,
  type ListWord,
  type TvsWord,
} from '../../../../src/core/cluster/evidence.ts';

const signer = 'a'.repeat(64);
const question: CoverQuestion = {
  servers: ['10.0.0.1:69'],
  signer,
  pinned: true,
  beliefs: 'unknown',
  nowMs: 1_000_000,
};

function found(words: Partial<Evidence> = {}): Evidence {
  return {
    cluster: 'a',
    server: '10.0.0.1:69',
    signer,
    seenMs: question.nowMs,
    ctl: 'silent',
    itl: 'silent',
    tvs: 'unknown',
    ...words,
  };
}

const listWords: readonly ListWord[] = ['absent', 'names', 'other-role', 'silent', 'unknown'];
const tvsWords: readonly TvsWord[] = ['vouches', 'refuses', 'unknown'];

describe('evidence (design.md §4)', () => {
  it('is a CTL that names our signer; an ITL that does where there is no CTL; a TVS where there is an ITL', () => {
    const covering = listWords.flatMap((ctl) =>
      listWords.flatMap((itl) =>
        tvsWords.flatMap((tvs) =>
          coverOf([found({ ctl, itl, tvs })], question).covered ? [`${ctl} ${itl} ${tvs}`] : [],
        ),
      ),
    );
    const expected = listWords.flatMap((ctl) =>
      listWords.flatMap((itl) =>
        tvsWords.flatMap((tvs) => {
          const byCtl = ctl === 'names';
          const byItl = ctl === 'absent' && itl === 'names';
          const byTvs = tvs === 'vouches' && ['names', 'other-role', 'silent'].includes(itl);
          return byCtl || byItl || byTvs ? [`${ctl} ${itl} ${tvs}`] : [];
        }),
      ),
    );
    expect(covering).toEqual(expected);
    expect(covering).toHaveLength(29);
  });

  it.each<[string, readonly Evidence[], Partial<CoverQuestion>, boolean]>([
    ['a cluster that is not pinned', [found({ ctl: 'names' })], { pinned: false }, false],
    ['a probe that is too old', [found({ ctl: 'names', seenMs: question.nowMs - evidenceForMs })], {}, false],
    [
      'a probe just young enough',
      [found({ ctl: 'names', seenMs: question.nowMs - evidenceForMs + 1 })],
      {},
      true,
    ],
    ['another signer of ours', [found({ ctl: 'names', signer: 'b'.repeat(64) })], {}, false],
    [
      'another server of theirs',
      [found({ ctl: 'names' })],
      { servers: ['10.0.0.1:69', '10.0.0.2:69'] },
      false,
    ],
    ['no server at all', [found({ ctl: 'names' })], { servers: [] }, false],
    ['a SAST-only record', [found({ ctl: 'other-role', itl: 'absent' })], {}, false],
    ['the device’s own beliefs, and nothing else', [], { beliefs: 'accept', pinned: false }, true],
    ['beliefs that refuse, whatever the lists say', [found({ ctl: 'names' })], { beliefs: 'reject' }, false],
  ])('%s', (_, evidence, changes, covered) => {
    expect(coverOf(evidence, { ...question, ...changes }).covered).toBe(covered);
  });
});

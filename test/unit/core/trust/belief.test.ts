import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyOfOurs,
  BeliefSets,
  nothing,
  pairKey,
  readPair,
  taking,
  unknown,
} from '../../../../src/core/trust/belief.ts';

const kind = fc.constantFrom('ctl' as const, 'itl' as const);
const list = fc.constantFrom('a', 'b', 'c');

describe('belief sets (design.md §5)', () => {
  it('begin at {unknown}', () => {
    const sets = new BeliefSets();
    expect(sets.pairs(sets.first)).toEqual([unknown]);
  });

  it('take what is delivered as possible, and keep what was', () => {
    const sets = new BeliefSets();
    const ctl = sets.deliver(sets.first, 'ctl', 'c1');
    const both = sets.deliver(ctl, 'itl', 'i1');
    expect(sets.pairs(both)).toEqual(['/i1', unknown, 'c1/', 'c1/i1'].toSorted());
  });

  it('property: a delivery only adds, whatever was delivered before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, list), { maxLength: 8 }), (deliveries) => {
        const sets = new BeliefSets();
        let set = sets.first;
        for (const [which, sha256] of deliveries) {
          const before = sets.pairs(set);
          set = sets.deliver(set, which, sha256);
          expect(sets.pairs(set)).toEqual(expect.arrayContaining([...before]));
          expect(sets.pairs(set)).toEqual(
            expect.arrayContaining(before.map((key) => taking(key, which, sha256))),
          );
        }
      }),
      { seed: 9, numRuns: 200 },
    );
  });

  it('property: what a phone that takes or refuses each delivery holds is always a member', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, list, fc.boolean()), { maxLength: 10 }), (deliveries) => {
        const sets = new BeliefSets();
        let set = sets.add(sets.first, [nothing]);
        let held = nothing;
        for (const [which, sha256, takes] of deliveries) {
          set = sets.deliver(set, which, sha256);
          if (takes) held = taking(held, which, sha256);
          expect(sets.pairs(set)).toContain(held);
        }
      }),
      { seed: 10, numRuns: 300 },
    );
  });

  it('are one value when they are equal', () => {
    const sets = new BeliefSets();
    expect(sets.of(['b/', 'a/', 'b/'])).toBe(sets.of(['a/', 'b/']));
    expect(sets.deliver(sets.first, 'itl', 'i')).toBe(sets.of([unknown, '/i']));
  });

  it('lose only what behaviour cannot explain, and never become empty', () => {
    const sets = new BeliefSets();
    const set = sets.of(['a/', 'b/', unknown]);
    expect(sets.pairs(sets.keep(set, (key) => key !== 'a/'))).toEqual([unknown, 'b/'].toSorted());
    expect(sets.keep(set, () => true)).toBe(set);
    expect(sets.pairs(sets.keep(set, () => false))).toEqual([unknown]);
    expect(sets.narrow(set, (key) => key)).toBe(set);
    expect(sets.pairs(sets.narrow(sets.of(['a/']), () => 'a/+'))).toEqual(['a/+']);
    expect(sets.pairs(sets.narrow(set, (key) => (key === 'a/' ? 'a/+' : key)))).toContain('a/+');
  });

  it('say "any of ours" beyond the bound, and keep what that does not cover', () => {
    const sets = new BeliefSets(2);
    expect(sets.pairs(sets.of(['a/', 'b/', unknown]))).toEqual([unknown, 'a/', 'b/'].toSorted());
    const wide = sets.of(['a/', 'b/', 'c/', unknown, nothing]);
    expect(sets.pairs(wide)).toEqual([nothing, anyOfOurs, unknown]);
    expect(sets.pairs(sets.deliver(wide, 'itl', 'i'))).toContain(anyOfOurs);
    expect(sets.pairs(sets.spelled(['a/', 'b/', 'c/']))).toEqual(['a/', 'b/', 'c/']);
  });

  it('read back as they were written', () => {
    for (const pair of [
      { ctl: '', itl: '' },
      { ctl: 'c', itl: '' },
      { ctl: '', itl: 'i' },
    ])
      expect(readPair(pairKey(pair))).toEqual(pair);
    expect(pairKey({ ctl: '', itl: '' })).toBe(nothing);
    expect([readPair(unknown), readPair(anyOfOurs)]).toEqual([undefined, undefined]);
  });
});

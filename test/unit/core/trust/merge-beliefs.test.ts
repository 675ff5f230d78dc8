/** One belief of what several nodes heard: never less than a phone that went between them may hold. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BeliefSets,
  nothing,
  pairKey,
  taking,
  unknown,
  type PairKey,
} from '../../../../src/core/trust/belief.ts';
import type { Delivery } from '../../../../src/core/trust/belief-book.ts';
import type { StoredBelief } from '../../../../src/core/trust/belief-store.ts';
import { indexBeliefs, mergeBeliefs } from '../../../../src/core/trust/merge-beliefs.ts';

const phone = 'SEP000000000001';
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

function belief(more: Partial<StoredBelief>): StoredBelief {
  return {
    name: phone,
    pairs: [unknown],
    address: '10.0.0.1',
    heardMs: 1,
    deliveries: [],
    provedMs: undefined,
    unansweredConfigs: 0,
    gap: 0,
    ...more,
  };
}

function delivery(kind: 'itl' | 'ctl', sha256: string, sinceMs = 1): Delivery {
  return { kind, sha256, sinceMs, how: 'tcp' };
}

function merged(...nodes: readonly { devices?: readonly StoredBelief[]; gaps?: readonly PairKey[] }[]) {
  const sets = new BeliefSets();
  const indexed = nodes.map(({ devices = [], gaps = [] }) =>
    indexBeliefs({ devices, gaps: gaps.map((key, at) => ({ number: at + 1, atMs: 1, pairs: [key] })) }),
  );
  const { set, ...rest } = mergeBeliefs(sets, indexed, phone);
  return { pairs: sets.pairs(set), ...rest };
}

describe('of several nodes', () => {
  test('who was heard nowhere may hold what we know nothing of', () => {
    expect(merged({}, {})).toMatchObject({ pairs: [unknown], heardMs: 0 });
  });

  test('one node alone is believed as it is', () => {
    const held = pairKey({ ctl: a, itl: b });
    const one = belief({ pairs: [held], deliveries: [delivery('itl', a)], heardMs: 7, provedMs: 5 });
    expect(merged({ devices: [one] }, {})).toEqual({
      pairs: [held],
      heardMs: 7,
      address: '10.0.0.1',
      deliveries: one.deliveries,
      provedMs: 5,
      unansweredConfigs: 0,
    });
  });

  test('a list that one node gave may stand beside one of the other', () => {
    const first = belief({ pairs: [pairKey({ ctl: a, itl: '' })], deliveries: [delivery('ctl', a)] });
    const second = belief({
      pairs: [pairKey({ ctl: '', itl: b })],
      deliveries: [delivery('itl', b, 2)],
      address: '10.0.0.2',
      heardMs: 2,
    });
    const { pairs, address } = merged({ devices: [first] }, { devices: [second] });
    expect(pairs).toContain(pairKey({ ctl: a, itl: b }));
    expect(address).toBe('10.0.0.2');
  });

  test('what any node missed counts, also for phones that it never heard of', () => {
    const held = pairKey({ ctl: '', itl: a });
    const missed = pairKey({ ctl: '', itl: b });
    expect(
      merged({ devices: [belief({ pairs: [held], gap: 1 })], gaps: [nothing] }, { gaps: [missed] }).pairs,
    ).toEqual([held, missed].toSorted());
  });

  test('whatever a phone took where, its pair is among them', () => {
    const lists = ['1', '2', '3', '4'].map((digit) => digit.repeat(64));
    const taken = fc.record({
      node: fc.constantFrom(0, 1, 2),
      kind: fc.constantFrom('itl' as const, 'ctl' as const),
      sha256: fc.constantFrom(...lists),
      accepted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(taken, { maxLength: 6 }), (history) => {
        let held: PairKey = nothing;
        const sets = new BeliefSets(1_000);
        const nodes = [0, 1, 2].map(() => ({ set: sets.of([nothing]), deliveries: [] as Delivery[] }));
        for (const [at, { node, kind, sha256, accepted }] of history.entries()) {
          const heard = nodes[node];
          if (heard === undefined) continue;
          heard.set = sets.deliver(heard.set, kind, sha256);
          heard.deliveries.push(delivery(kind, sha256, at));
          if (accepted) held = taking(held, kind, sha256);
        }
        const indexed = nodes.map(({ set, deliveries }) =>
          indexBeliefs({ devices: [belief({ pairs: sets.pairs(set), deliveries })], gaps: [] }),
        );
        expect(sets.pairs(mergeBeliefs(sets, indexed, phone).set)).toContain(held);
      }),
      { seed: 10, numRuns: 300 },
    );
  });
});

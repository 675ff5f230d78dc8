import { describe, expect, it } from 'vitest';
import type { PublishedList, TrustListKind } from '../../../../src/core/cluster/model.ts';
import type { Delivery } from '../../../../src/core/trust/belief-book.ts';
import { behindSince, endsOf } from '../../../../src/core/trust/list-age.ts';

const dayMs = 86_400_000;

function list(generation: number, kind: TrustListKind, of: { day: number; node?: string; sha256?: string }) {
  const { day, node = 'a', sha256 = `${kind} ${generation} ${node}` } = of;
  const rest = { bytes: new Uint8Array(), signer: '', timestamp: 0, publishedMs: day * dayMs };
  return { generation, kind, node, sha256, ...rest } satisfies PublishedList;
}

function given(...lists: readonly PublishedList[]): readonly Delivery[] {
  return lists.map(({ kind, sha256 }) => ({ kind, sha256, sinceMs: 0, how: 'tcp' }));
}

/** An ITL every sixth day; the CTL stays as it is. */
const first = list(1, 'itl', { day: 0 });
const ctl = list(1, 'ctl', { day: 0 });
const weekly = [1, 2, 3, 4].flatMap((generation) => [
  list(generation, 'itl', { day: (generation - 1) * 6 }),
  list(generation, 'ctl', { day: 0, sha256: ctl.sha256 }),
]);
const current = weekly.slice(-2);
const [newest = first] = current;

describe('since when a phone goes on with lists that were replaced', () => {
  it('counts from the end of the newest that it was given, however young those in force are', () => {
    expect(behindSince(weekly, current, given(first, ctl))).toBe(6 * dayMs);
    expect(behindSince(weekly, current, given(first, list(2, 'itl', { day: 6 }), ctl))).toBe(12 * dayMs);
    expect(behindSince(weekly, current, given(first, newest, ctl))).toBeUndefined();
  });

  it('a kind that it never was given counts since there is one', () => {
    expect(behindSince(weekly, current, [])).toBe(0);
    const mixed = [...weekly.filter(({ kind }) => kind === 'itl'), list(4, 'ctl', { day: 18 })];
    expect(behindSince(mixed, mixed.slice(-2), given(newest))).toBe(18 * dayMs);
  });

  it('the list of any node is in force', () => {
    const nodes = [...weekly, ...current.map((each) => ({ ...each, node: 'b', sha256: `${each.sha256} b` }))];
    const inForce = nodes.slice(-4);
    expect(behindSince(nodes, inForce, given(...inForce.slice(2)))).toBeUndefined();
    expect(behindSince(nodes, inForce, given(...inForce.slice(0, 2)))).toBeUndefined();
  });
});

describe('when lists ended', () => {
  it('with the first generation without them; carried over they are in force, and taken back they are again', () => {
    const ends = endsOf(weekly.toReversed());
    expect(ends).toEqual(
      new Map([
        ['itl 1 a', 6 * dayMs],
        ['itl 2 a', 12 * dayMs],
        ['itl 3 a', 18 * dayMs],
      ]),
    );
    const back = [...weekly, list(5, 'itl', { day: 30, sha256: first.sha256 })];
    expect(endsOf(back).get(first.sha256)).toBeUndefined();
    expect(endsOf(back).get(ctl.sha256)).toBe(30 * dayMs);
  });

  it('lists of a node that left ended when it did', () => {
    const two = [list(1, 'itl', { day: 1 }), list(1, 'itl', { day: 1, node: 'b' })];
    const left = [...two, list(2, 'itl', { day: 9 })];
    expect(endsOf(left).get('itl 1 b')).toBe(9 * dayMs);
  });
});

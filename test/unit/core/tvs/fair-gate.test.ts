import { describe, expect, it } from 'vitest';
import { FairGate } from '../../../../src/core/tvs/fair-gate.ts';

const here = (): boolean => false;

describe('turns for handshakes', () => {
  it('lets a burst begin at once and the rest at the rate', () => {
    const gate = new FairGate<number>({ perSecond: 100, burst: 3 }, 0);
    for (let item = 0; item < 10; item++) gate.offer('a', item);
    expect(gate.take(0, here)).toEqual([0, 1, 2]);
    expect(gate.take(9, here)).toEqual([]);
    expect(gate.take(20, here)).toEqual([3, 4]);
    expect(gate.take(10_000, here)).toEqual([5, 6, 7]);
    expect(gate.isEmpty).toBe(false);
  });

  it('addresses take turns: a thousand waiting delay nobody else', () => {
    const gate = new FairGate<string>({ perSecond: 100, burst: 1 }, 0);
    for (let item = 0; item < 1_000; item++) gate.offer('flood', `flood ${item}`);
    expect(gate.take(0, here)).toEqual(['flood 0']);
    gate.offer('phone', 'phone 0');
    gate.offer('phone', 'phone 1');
    expect([10, 20, 30, 40].flatMap((nowMs) => gate.take(nowMs, here))).toEqual([
      'flood 1',
      'phone 0',
      'flood 2',
      'phone 1',
    ]);
  });

  it('who has gone costs nothing', () => {
    const gate = new FairGate<number>({ perSecond: 100, burst: 2 }, 0);
    for (let item = 0; item < 10; item++) gate.offer('a', item);
    gate.offer('b', 100);
    expect(gate.take(0, (item) => item < 9)).toEqual([9, 100]);
    expect(gate.isEmpty).toBe(true);
    gate.offer('c', 1);
    expect(gate.take(1_000, () => true)).toEqual([]);
    expect(gate.isEmpty).toBe(true);
  });
});

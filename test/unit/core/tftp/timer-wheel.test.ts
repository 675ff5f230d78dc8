import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerWheel, WheelEntry } from '../../../../src/core/tftp/timer-wheel.ts';

test('never early, at most a tick late, in any order and across the wheel', () => {
  const due = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(due, fc.integer({ min: 1, max: 700 }), (dues, stepMs) => {
      const wheel = new TimerWheel<number>(10, 0);
      for (const dueMs of dues) wheel.schedule(new WheelEntry(dueMs), dueMs);
      let fired = 0;
      for (let nowMs = 0; wheel.size > 0; nowMs += stepMs)
        wheel.advance(nowMs, (dueMs) => {
          fired++;
          expect(nowMs).toBeGreaterThanOrEqual(dueMs);
          expect(nowMs).toBeLessThan(dueMs + 10 + stepMs);
        });
      expect(fired).toBe(dues.length);
    }),
    { seed: 10, numRuns: 100 },
  );
});

test('a deadline moves later for nothing and earlier at once', () => {
  const wheel = new TimerWheel<string>(10, 0);
  const entry = new WheelEntry('one');
  const fired: number[] = [];
  wheel.schedule(entry, 100);
  for (let nowMs = 0; nowMs < 500; nowMs += 10) {
    wheel.schedule(entry, nowMs + 100);
    wheel.advance(nowMs, () => fired.push(nowMs));
  }
  expect(fired).toEqual([]);
  wheel.schedule(entry, 505);
  for (let nowMs = 500; nowMs < 600; nowMs += 10) wheel.advance(nowMs, () => fired.push(nowMs));
  expect(fired).toEqual([510]);
});

test('cancelled entries do not fire, also when another one of the same slot cancels them', () => {
  const wheel = new TimerWheel<string>(10, 0);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new WheelEntry(name));
  const fired: string[] = [];
  for (const entry of [a, b, c]) if (entry) wheel.schedule(entry, 50);
  if (b) wheel.cancel(b);
  wheel.advance(60, (name) => {
    fired.push(name);
    for (const entry of [a, c]) if (entry) wheel.cancel(entry);
  });
  expect(fired).toHaveLength(1);
  expect(wheel.size).toBe(0);
});

test('an owner may schedule itself again from its own firing', () => {
  const wheel = new TimerWheel<string>(10, 0);
  const entry = new WheelEntry('again');
  wheel.schedule(entry, 10);
  let count = 0;
  for (let nowMs = 0; nowMs <= 100; nowMs += 10)
    wheel.advance(nowMs, () => {
      count++;
      wheel.schedule(entry, nowMs + 10);
    });
  expect(count).toBe(10);
});

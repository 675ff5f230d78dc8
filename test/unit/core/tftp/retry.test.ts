import { expect, test } from 'vitest';
import { RetryClock } from '../../../../src/core/tftp/retry.ts';

test('RFC 6298: first measurement R gives SRTT R and RTO R + 4·R/2, later ones are smoothed', () => {
  const clock = new RetryClock(0);
  expect(clock.rtoMs).toBe(1000);
  clock.measured(200);
  expect([clock.srttMs, clock.rtoMs]).toEqual([200, 600]);
  clock.measured(200);
  expect([clock.srttMs, clock.rtoMs]).toEqual([200, 500]);
});

test('never under 100 ms, doubled by each expiry up to 8 s, taken back by a measurement only', () => {
  const clock = new RetryClock(0);
  clock.measured(0.1);
  expect(clock.rtoMs).toBe(100);
  const waits = Array.from({ length: 8 }, () => {
    clock.expired();
    return clock.rtoMs;
  });
  expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 8000, 8000]);
  clock.progressed(5);
  expect(clock.rtoMs).toBe(8000);
  clock.measured(0.1);
  expect(clock.rtoMs).toBe(100);
});

test('an agreed timeout neither adapts nor doubles (RFC 2349)', () => {
  const clock = new RetryClock(0, 3000);
  clock.measured(1);
  clock.expired();
  expect(clock.rtoMs).toBe(3000);
});

test('gives up 30 s after the last progress', () => {
  const clock = new RetryClock(0);
  clock.progressed(7000);
  expect(clock.givesUpMs).toBe(37_000);
});

import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { runPair } from '../helpers/transfer-pair.ts';
import { randomBytes, seeded } from '../helpers/prng.ts';

const faults = { loss: 0.1, duplication: 0.02, reordering: 0.05, delayMs: 5 };

test('2,000 seeded transfers over a bad path are byte-exact within five seconds of processor time', () => {
  const small = randomBytes(seeded(1), 10_240);
  const large = randomBytes(seeded(2), 1_048_576);
  const target = new Uint8Array(2_000_000);
  const begun = process.cpuUsage();
  let packets = 0;
  for (let seed = 1; seed <= 1000; seed++) {
    for (const [file, blksize, windowsize] of [
      [small, 512, undefined],
      [large, 1428, 8],
    ] as const) {
      const wanted = { blksize, windowsize, tsize: true, sizeBytesMax: target.length };
      target.fill(0, 0, file.length);
      const run = runPair(file, wanted, faults, seeded(seed), target);
      packets += run.packets;
      if (!run.received || Buffer.compare(run.received, file) !== 0)
        expect.fail(`seed ${seed}, blksize ${blksize}: ${run.failure ?? 'other bytes'}`);
    }
  }
  const used = process.cpuUsage(begun);
  const cpuMs = (used.user + used.system) / 1000;
  console.log(`${packets} packets, ${Math.round(cpuMs)} ms of processor time`);
  expect(packets).toBeGreaterThan(1_000_000);
  expect(cpuMs).toBeLessThan(5000);
});

test.each([
  [0.1, 990],
  [0.25, 900],
])('at %f loss in both directions at least %i of 1,000 transfers of 10 KB complete', (loss, atLeast) => {
  const file = randomBytes(seeded(3), 10_240);
  const target = new Uint8Array(file.length);
  const wanted = { blksize: undefined, windowsize: undefined, tsize: false, sizeBytesMax: file.length };
  let complete = 0;
  for (let seed = 1; seed <= 1000; seed++) {
    target.fill(0);
    const run = runPair(file, wanted, { ...faults, loss }, seeded(seed), target);
    if (!run.received) continue;
    complete++;
    expect(Buffer.compare(run.received, file)).toBe(0);
  }
  expect(complete).toBeGreaterThanOrEqual(atLeast);
});

// performance.md, target 5: 1 MB over 50 ms round trip.
test.each([
  [undefined, undefined, 0, 102_600],
  [undefined, undefined, 0.01, 112_000],
  [1428, undefined, 0, 36_900],
  [1428, undefined, 0.01, 41_000],
  [1428, 8, 0, 4_700],
  [1428, 8, 0.01, 6_000],
  [1428, 64, 0, 700],
  [1428, 64, 0.01, 1_000],
])(
  '1 MB over 50 ms, blksize %s, windowsize %s, loss %f: the median is under %i ms',
  (blksize, windowsize, loss, medianMs) => {
    const file = randomBytes(seeded(4), 1_048_576);
    const target = new Uint8Array(file.length);
    const wanted = { blksize, windowsize, tsize: true, sizeBytesMax: file.length };
    const times: number[] = [];
    for (let seed = 1; seed <= 21; seed++) {
      const run = runPair(
        file,
        wanted,
        { loss, duplication: 0, reordering: 0, delayMs: 25 },
        seeded(seed),
        target,
      );
      expect(run.failure).toBeUndefined();
      times.push(run.completeMs);
    }
    times.sort((a, b) => a - b);
    expect(times[10]).toBeLessThanOrEqual(medianMs);
  },
);

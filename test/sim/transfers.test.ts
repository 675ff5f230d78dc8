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

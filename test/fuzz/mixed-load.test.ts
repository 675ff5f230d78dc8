/**
 * 60 s of mixed load with mutated packets on both engines at once: no crash, no wrong byte, memory and descriptors flat
 * (issue 3; a longer run: MIXED_LOAD_SECONDS=600 npx vitest run test/fuzz/mixed-load.test.ts).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { content } from '../conformance/served.ts';
import { type LoadResult, runMixedLoad, type Sample } from '../helpers/mixed-load.ts';

const seconds = Number(process.env['MIXED_LOAD_SECONDS'] ?? 60);
const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-mixed-'));
const root = join(folder, 'files');
const files = {
  'SEP001122334455.cnf.xml': content(10_240),
  'Ringlist.xml': content(700),
  'rings.raw': content(150_000),
  // Above memoryFileBytesMax: streamed from its descriptor.
  'firmware.sbn': content(1_300_001),
};

beforeAll(() => {
  mkdirSync(root);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, name), bytes);
});

afterAll(() => rmSync(folder, { recursive: true }));

test('nothing crashes, grows or is mixed up', { timeout: (seconds + 120) * 1000 }, async () => {
  const engines = ['dgram', 'mmsg'] as const;
  const results = await Promise.all(
    engines.map((engine, i) => runMixedLoad({ engine, seconds, seed: 20_261_121 + i, root, files })),
  );
  for (const result of results) {
    console.log(summary(result));
    expect({ status: result.status, wrong: result.wrong, said: result.said }).toEqual({
      status: 0,
      wrong: 0,
      said: '',
    });
    expect(result.hostilePackets).toBeGreaterThan(seconds * 100);
    expect(result.complete).toBeGreaterThan(seconds);
    expect(result.stopped).toBeLessThanOrEqual(result.complete / 100);
    const { early, late } = halves(result.samples);
    // A collector's breath is some MiB; what leaks with every packet would be hundreds after a minute.
    expect(highest(late, 'residentMiB')).toBeLessThan(highest(early, 'residentMiB') + 24);
    expect(highest(late, 'descriptors')).toBeLessThanOrEqual(highest(early, 'descriptors') + 4);
  }
});

/** What the caches hold has come in during the first third, or minute. */
function halves(samples: readonly Sample[]): {
  readonly early: readonly Sample[];
  readonly late: readonly Sample[];
} {
  const settled = samples.slice(Math.min(60, Math.floor(samples.length / 3)));
  const middle = settled.length >> 1;
  return { early: settled.slice(0, middle), late: settled.slice(middle) };
}

function highest(samples: readonly Sample[], what: keyof Sample): number {
  return Math.max(...samples.map((sample) => sample[what]));
}

function summary({ engine, samples, complete, stopped, hostilePackets }: LoadResult): string {
  const { early, late } = halves(samples);
  const resident = [early, late]
    .map((part) => `${highest(part, 'residentMiB').toFixed(0)} MiB`)
    .join(' then ');
  const open = [early, late].map((part) => highest(part, 'descriptors')).join(' then ');
  return (
    `${engine}: ${complete} files complete, ${stopped} stopped, ${hostilePackets} hostile packets, ` +
    `at most ${resident} resident, ${open} descriptors`
  );
}

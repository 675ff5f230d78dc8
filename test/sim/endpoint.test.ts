import { expect, test } from 'vitest';
import { EndpointNet } from '../helpers/endpoint-net.ts';
import { clean } from '../helpers/fake-link.ts';
import { randomBytes, seeded } from '../helpers/prng.ts';

const random = seeded(77);
const files = {
  'SEP001122334455.cnf.xml': randomBytes(random, 10_240),
  'Ringlist.xml': randomBytes(random, 1_024),
  'rings.raw': randomBytes(random, 60_000),
  empty: new Uint8Array(0),
};
const names = Object.keys(files) as (keyof typeof files)[];
const kinds = [
  { blksize: undefined, windowsize: undefined, tsize: false },
  { blksize: 1428, windowsize: undefined, tsize: true },
  { blksize: 1428, windowsize: 8, tsize: true },
  { blksize: 100, windowsize: 32, tsize: false },
];

test.each([1, 2, 3, 4, 5])(
  '64 clients at once at one endpoint over a bad path, each byte encoded and decoded (seed %i)',
  (seed) => {
    const faults = { loss: 0.1, duplication: 0.02, reordering: 0.05, delayMs: 4 };
    const net = new EndpointNet(files, faults, seeded(seed));
    const each = names.flatMap((name) =>
      kinds.map((kind) => ({ name, wanted: { ...kind, sizeBytesMax: 100_000 } })),
    );
    const fetches = [...each, ...each, ...each, ...each];
    const results = net.run(fetches);
    for (const [i, { name }] of fetches.entries()) {
      const bytes = results[i]?.bytes;
      if (!bytes || Buffer.compare(bytes, files[name]) !== 0)
        expect.fail(`client ${i}, ${name}: ${results[i]?.failure ?? 'other bytes'}`);
    }
    expect(net.endpoint.transferCount).toBe(0);
  },
);

test('a name that nobody has is said once and costs nothing afterwards', () => {
  const net = new EndpointNet(files, clean, seeded(1));
  const wanted = { blksize: undefined, windowsize: undefined, tsize: false, sizeBytesMax: 1000 };
  expect(net.run([{ name: 'nothing', wanted }])).toEqual([{ bytes: undefined, failure: 'peer' }]);
  expect(net.link.carried).toBe(2);
  expect(net.endpoint.transferCount).toBe(0);
});

test('spoofed requests of 300 silent hosts leave 2 first blocks each and no transfer behind', () => {
  const net = new EndpointNet(files, clean, seeded(1));
  const wanted = { blksize: undefined, windowsize: undefined, tsize: false, sizeBytesMax: 100_000 };
  const silent = Array.from({ length: 300 }, () => ({ name: 'rings.raw', wanted }));
  net.mute();
  net.run(silent);
  expect(net.sentByServer).toBe(600);
  expect(net.events.filter((type) => type === 'transfer-ended')).toHaveLength(300);
  expect(net.endpoint.transferCount).toBe(0);
});

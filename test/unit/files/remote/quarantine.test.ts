import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { relayMemoryBytesMax } from '../../../../src/base/limits.ts';
import { makeEmptyFolder } from '../../../../src/store/durable.ts';
import { openQuarantine, type QuarantineBounds } from '../../../../src/files/remote/quarantine.ts';

function quarantineIn(bounds?: QuarantineBounds) {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-quarantine-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'left by a crash'), 'x');
  makeEmptyFolder(folder);
  return { folder, quarantine: openQuarantine({ folder, ...(bounds && { bounds }) }) };
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff);

test('a small file never touches the disk', async () => {
  const { folder, quarantine } = quarantineIn();
  expect(readdirSync(folder)).toEqual([]);
  const file = quarantine.open('a', '10.1.2');
  await file.write(bytes(100).subarray(50), 50);
  await file.write(bytes(50), 0);
  expect(await file.finish(90)).toEqual({ kind: 'memory', bytes: bytes(90) });
  expect([readdirSync(folder), quarantine.bytes]).toEqual([[], 0]);
});

test('a larger one goes on to disk, private, cut to its size, and leaves nothing', async () => {
  const { folder, quarantine } = quarantineIn();
  const file = quarantine.open('a', '10.1.2');
  const whole = bytes(relayMemoryBytesMax + 3000);
  // Blocks of a window in any order, over the edge of memory.
  const starts = [0, 40_000, 60_000, 66_000, 63_000, 65_000].filter((at) => at < whole.length);
  for (const at of [0, 20_000, ...starts]) await file.write(whole.slice(at, at + 20_000), at);
  const content = await file.finish(whole.length);
  if (content.kind !== 'file') throw new Error('on disk');
  expect(new Uint8Array(readFileSync(content.path))).toEqual(whole);
  expect(statSync(content.path).mode & 0o777).toBe(0o600);
  expect(quarantine.bytes).toBeGreaterThanOrEqual(whole.length);
  file.discard();
  await expect.poll(() => readdirSync(folder)).toEqual([]);
  expect(quarantine.bytes).toBe(0);
});

test('what is announced as large goes to disk from its first byte; a wrong word costs nothing', async () => {
  const { folder, quarantine } = quarantineIn();
  const large = quarantine.open('a', '10.1.2');
  void large.announce(relayMemoryBytesMax + 1);
  await large.write(bytes(10), 0);
  expect(readdirSync(folder)).toHaveLength(1);
  // The other transport began anew, and says that it is small; the first said that there is nothing.
  const small = quarantine.open('a', '10.1.2');
  void small.announce(relayMemoryBytesMax + 1);
  void small.announce(0);
  await small.write(bytes(0), 0);
  expect(await small.finish(0)).toEqual({ kind: 'memory', bytes: bytes(0) });
  const lied = quarantine.open('a', '10.1.2');
  void lied.announce(5);
  await lied.write(bytes(5_000), 0);
  expect(await lied.finish(5_000)).toEqual({ kind: 'memory', bytes: bytes(5_000) });
  for (const file of [large, small, lied]) file.discard();
  expect(quarantine.bytes).toBe(0);
});

const big = relayMemoryBytesMax * 2;
test.each([
  ['in all', { bytesMax: 3 * big, perRemoteMax: 9 * big, perSourceMax: 9 * big }, 3],
  ['per remote', { bytesMax: 9 * big, perRemoteMax: big, perSourceMax: 9 * big }, 3],
  ['per source', { bytesMax: 9 * big, perRemoteMax: 9 * big, perSourceMax: big }, 2],
])('bounded %s, by what is announced and by what comes', async (_, bounds, room) => {
  const { quarantine } = quarantineIn(bounds);
  const places = ['a 10.1.1', 'b 10.1.2', 'c 10.1.1'];
  const files = places.map((place) => quarantine.open(place[0] ?? '', place.slice(2)));
  const taken = files.filter((file) => {
    try {
      void file.announce(big);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'storage-full' });
      return false;
    }
  });
  expect(taken.length).toBe(room);
  const late = quarantine.open('a', '10.1.1');
  expect(() => late.write(bytes(10), big)).toThrowError(/full/);
  for (const file of [...files, late]) file.discard();
  expect(quarantine.bytes).toBe(0);
  void quarantine.open('a', '10.1.1').announce(big);
});

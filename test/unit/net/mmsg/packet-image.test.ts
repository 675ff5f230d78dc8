import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { addressOf } from '../../../../src/net/mmsg/libc.ts';
import { memorySource, type ByteSource } from '../../../../src/net/mmsg/byte-source.ts';
import { ImageCache, SharedFile } from '../../../../src/net/mmsg/packet-image.ts';
import { encodeData } from '../../../../src/wire/tftp-packet.ts';
import koffi from 'koffi';

const cacheBytes = 1024 * 1024;

function content(length: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + salt) & 0xff);
}

/** What the kernel would read at an address. */
function bytesAt(address: number, length: number): Uint8Array {
  return Uint8Array.from(new Uint8Array(koffi.view(BigInt(address), length)));
}

it('holds each block as the packet that RFC 1350 has, wherever chunks begin', () => {
  const sizes = fc.integer({ min: 0, max: 600_000 });
  const blksizes = fc.constantFrom(8, 512, 1428, 8192, 65_464);
  fc.assert(
    fc.property(sizes, blksizes, fc.nat(), (size, blksize, pick) => {
      const cache = new ImageCache(cacheBytes, () => undefined);
      const bytes = content(size);
      const image = cache.open(new SharedFile(memorySource(bytes)), blksize);
      const blocks = Math.floor(size / blksize) + 1;
      for (const block of [1, blocks, 1 + (pick % blocks)]) {
        const data = bytes.subarray((block - 1) * blksize, block * blksize);
        const packet = bytesAt(cache.locate(image, block), 4 + data.length);
        expect(Buffer.compare(packet, encodeData(block & 0xffff, data))).toBe(0);
      }
    }),
    { seed: 20261121, numRuns: 60 },
  );
});

it('lets unused chunks give way, sends what is queued before it writes over them, and makes them again', () => {
  let flushes = 0;
  const cache = new ImageCache(cacheBytes, () => flushes++);
  const files = Array.from({ length: 12 }, (_, i) => content(200_000, i));
  const images = files.map((bytes) => cache.open(new SharedFile(memorySource(bytes)), 1428));
  for (const image of images) cache.locate(image, 1);
  expect(cache.usedBytes).toBeLessThanOrEqual(cacheBytes);
  expect(flushes).toBeGreaterThan(0);
  for (const [i, image] of images.entries()) {
    const data = files[i]?.subarray(1428, 2 * 1428) ?? new Uint8Array(0);
    expect(Buffer.compare(bytesAt(cache.locate(image, 2), 1432), encodeData(2, data))).toBe(0);
  }
});

it('forgets an image with its last user and chunk, and closes a file with its last holder', () => {
  const cache = new ImageCache(cacheBytes, () => undefined);
  let closed = 0;
  const file = new SharedFile(memorySource(content(1000)), () => closed++);
  const image = cache.open(file, 512);
  cache.locate(image, 1);
  cache.close(image);
  expect([file.images.size, cache.chunkCount]).toEqual([1, 1]); // the next transfer finds it
  for (let blksize = 8; blksize < 2000; blksize++) cache.close(cache.open(file, blksize));
  expect(file.images.size).toBe(1);
  cache.release(file);
  expect([closed, cache.chunkCount, cache.usedBytes]).toEqual([1, 0, 0]);
  expect(() => cache.release(file)).toThrow(/let go twice/);
});

it('says when the file can no longer be read and keeps nothing of it', () => {
  const gone: ByteSource = { sizeBytes: 5000, read: () => false, close: () => undefined };
  const cache = new ImageCache(cacheBytes, () => undefined);
  const image = cache.open(new SharedFile(gone), 512);
  expect(cache.locate(image, 1)).toBe(0);
  expect(cache.usedBytes).toBe(0);
});

it('knows where memory lies', () => {
  const buffer = new ArrayBuffer(16);
  new Uint8Array(buffer).set([1, 2, 3]);
  expect([...bytesAt(addressOf(buffer), 3)]).toEqual([1, 2, 3]);
});

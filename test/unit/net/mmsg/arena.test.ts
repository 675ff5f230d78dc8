import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Arena, BuddyAllocator, chunkBytesMin } from '../../../../src/net/mmsg/arena.ts';

it('hands out chunks that never overlap, and everything comes back whole', () => {
  const sizeBytes = 64 * chunkBytesMin;
  const step = fc.record({ size: fc.integer({ min: 1, max: 20 * chunkBytesMin }), drop: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const buddy = new BuddyAllocator(sizeBytes);
      const held: { offset: number; size: number }[] = [];
      for (const { size, drop } of steps) {
        const offset = buddy.take(size);
        if (offset !== undefined) {
          expect(offset + size).toBeLessThanOrEqual(sizeBytes);
          for (const other of held)
            expect(offset + size <= other.offset || other.offset + other.size <= offset).toBe(true);
          held.push({ offset, size });
        }
        const victim = held[drop];
        if (victim !== undefined) {
          buddy.give(victim.offset);
          held.splice(drop, 1);
        }
      }
      for (const { offset } of held) buddy.give(offset);
      expect(buddy.usedBytes).toBe(0);
      expect(buddy.take(sizeBytes)).toBe(0);
    }),
    { seed: 20261121, numRuns: 200 },
  );
});

it('says no when it is full and refuses a chunk that it did not hand out', () => {
  const buddy = new BuddyAllocator(4 * chunkBytesMin);
  expect(buddy.take(3 * chunkBytesMin)).toBe(0);
  expect(buddy.take(1)).toBeUndefined();
  expect(() => buddy.give(chunkBytesMin)).toThrow(/not handed out/);
  buddy.give(0);
  expect(() => buddy.give(0)).toThrow(/not handed out/);
});

it('reserves aligned records and refuses a layout that does not fit', () => {
  const arena = new Arena(256);
  expect([arena.reserve(10), arena.reserve(65), arena.reserve(1)]).toEqual([0, 64, 192]);
  expect(() => arena.reserve(1)).toThrow(/smaller than its layout/);
  arena.writeWord(8, 0x7fae_1234_5678);
  expect([arena.u32[2], arena.u32[3]]).toEqual([0x1234_5678, 0x7fae]);
});

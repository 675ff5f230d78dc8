import { expect, test } from 'vitest';
import { Recent } from '../../../../src/core/tftp/recent.ts';

test('the last half is there, what is used stays, the rest is forgotten', () => {
  const recent = new Recent<number>(100);
  for (let i = 0; i < 1000; i++) {
    recent.set(`key ${i}`, i);
    if (i % 20 === 0) expect(recent.get('key 0')).toBe(0);
  }
  const newest = Array.from({ length: 45 }, (_, i) => 999 - i);
  expect(newest.map((i) => recent.get(`key ${i}`))).toEqual(newest);
  const known = Array.from({ length: 1000 }, (_, i) => recent.get(`key ${i}`)).filter(
    (one) => one !== undefined,
  );
  expect(known.length).toBeLessThanOrEqual(100);
});

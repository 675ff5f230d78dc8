import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDateLine, formatIsoSeconds } from '../../../src/base/utc-time.ts';

const seconds = fc.integer({ min: 0, max: 0xffffffff });

it('agrees with Date for every second that a TIMESTAMP can hold', () => {
  fc.assert(
    fc.property(seconds, (at) => {
      expect(formatIsoSeconds(at)).toBe(new Date(at * 1000).toISOString().replace('.000Z', 'Z'));
    }),
    { numRuns: 2000, seed: 9 },
  );
});

it.each([
  [0, 'Thu Jan 01 00:00:00 UTC 1970'],
  [951_782_400, 'Tue Feb 29 00:00:00 UTC 2000'],
  [1_425_675_367, 'Fri Mar 06 20:56:07 UTC 2015'],
  [4_107_542_399, 'Sun Feb 28 23:59:59 UTC 2100'],
  [4_107_542_400, 'Mon Mar 01 00:00:00 UTC 2100'],
])('%i is %s', (at, text) => {
  expect(formatDateLine(at)).toBe(text);
});

it('keeps dates before 1970, which certificates may hold', () => {
  expect(formatIsoSeconds(-1)).toBe('1969-12-31T23:59:59Z');
  expect(formatDateLine(-1)).toBe('Wed Dec 31 23:59:59 UTC 1969');
});

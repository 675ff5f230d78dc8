import { expect, test } from 'vitest';
import { negotiate } from '../../../../src/core/tftp/negotiate.ts';

const limits = { blksizeMax: 1432, windowsizeMax: 16 };

function agree(...pairs: [string, string][]) {
  const options = pairs.map(([name, value]) => ({ name, value }));
  return negotiate(options, 5000, limits);
}

test('no options: RFC 1350 as it was', () => {
  expect(agree()).toEqual({ blksize: 512, windowsize: 1, timeoutMs: undefined, answer: [] });
});

test('caps lower, never raise', () => {
  const agreed = agree(['blksize', '65464'], ['windowsize', '65535']);
  expect([agreed.blksize, agreed.windowsize]).toEqual([1432, 16]);
  const small = agree(['blksize', '8'], ['windowsize', '2']);
  expect([small.blksize, small.windowsize]).toEqual([8, 2]);
});

test('what is not acknowledged is not used', () => {
  const agreed = agree(['blksize', '7'], ['windowsize', '0'], ['timeout', '0'], ['foo', '1']);
  expect(agreed).toEqual(agree());
});

test('an agreed timeout above the longest wait is acknowledged and shortened', () => {
  expect(agree(['timeout', '255'])).toMatchObject({
    timeoutMs: 10_000,
    answer: [{ name: 'timeout', value: '255' }],
  });
});

test('of an option that stands twice neither counts', () => {
  expect(agree(['blksize', '1024'], ['tsize', '0'], ['Blksize', '1024']).answer).toEqual([
    { name: 'tsize', value: '5000' },
  ]);
});

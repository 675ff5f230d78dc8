import { expect, test } from 'vitest';
import { daysLeft, expiryStage, expiryWords } from '../../../../src/core/trust/expiry.ts';

const day = 86_400;
const end = 2_000 * day;

test.each([
  [91 * day, undefined, 'expires in 91 days'],
  [90 * day + 1, 90, 'expires in 90 days'],
  [31 * day, 90, 'expires in 31 days'],
  [30 * day, 30, 'expires in 30 days'],
  [8 * day, 30, 'expires in 8 days'],
  [7 * day, 7, 'expires in 7 days'],
  [2 * day, 7, 'expires in 2 days'],
  [day, 1, 'expires in 1 day'],
  [1, 1, 'expires within a day'],
  [0, 1, 'expires within a day'],
  [-1, 'expired', 'expired yesterday'],
  [-3 * day, 'expired', 'expired 3 days ago'],
] as const)('%i seconds before the end', (seconds, stage, words) => {
  const days = daysLeft(end, end - seconds);
  expect([expiryStage(days), expiryWords(days)]).toEqual([stage, words]);
});

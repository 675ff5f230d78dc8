/** A list that a phone had been given before: what is noted of it. */
import { expect, test } from 'vitest';
import { deliveryGrainMs } from '../../../../src/base/limits.ts';
import { deliveredAgain } from '../../../../src/core/trust/delivered-again.ts';
import type { Delivery } from '../../../../src/core/trust/belief-book.ts';

function delivery(how: Delivery['how'], sinceMs: number, lastMs?: number): Delivery {
  return { kind: 'itl', sha256: 'i1', how, sinceMs, ...(lastMs !== undefined && { lastMs }) };
}

const later = 5 + deliveryGrainMs + 1;

test.each([
  [
    'a proof takes the place of what could be forged',
    'single-port',
    'transfer-port',
    6,
    ['transfer-port', 6, 6],
  ],
  ['by TCP, too', 'single-port', 'tcp', 6, ['tcp', 6, 6]],
  ['nothing takes the place of a proof', 'transfer-port', 'single-port', later, ['transfer-port', 5, later]],
  ['nor another one', 'tcp', 'transfer-port', later, ['tcp', 5, later]],
  ['what could be forged stays so', 'single-port', 'single-port', later, ['single-port', 5, later]],
] as const)('%s', (_, before, how, atMs, [noted, sinceMs, lastMs]) => {
  const again = delivery(how, atMs, atMs);
  expect(deliveredAgain(delivery(before, 5, 5), again)).toEqual(delivery(noted, sinceMs, lastMs));
});

test('the same within a minute is no news', () => {
  const known = delivery('tcp', 5, 5);
  expect(deliveredAgain(known, delivery('tcp', later - 1, later - 1))).toBe(known);
});

test('what may have come at any time since stays so', () => {
  const known = delivery('single-port', 5);
  expect(deliveredAgain(known, delivery('single-port', later, later))).toBe(known);
  expect(deliveredAgain(known, delivery('tcp', later, later))).toEqual(delivery('tcp', later));
});

test('a delivery that was heard of late brings no time back', () => {
  const known = delivery('single-port', 5, later);
  expect(deliveredAgain(known, delivery('tcp', 7, 7))).toEqual(delivery('tcp', 7, later));
});

/** What the lists that a phone holds make of it, whatever file it is given (domain.md §2). */
import { describe, expect, test } from 'vitest';
import {
  asksForSigned,
  holdsNothing,
  isPreparedForRollback,
  maySkipItl,
  readHeld,
  type PhoneTrust,
} from '../../../../src/core/trust/phone-trust.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { vectorBytes } from '../../../helpers/trust-vectors.ts';

const crypto = createVerifier();
const [ctl, itl, rollback] = ['ctl-a', 'itl-a', 'itl-rollback'].map((name) => vectorBytes('judge', name));
const nonsecure = vectorBytes('judge', 'ctl-nonsecure');
const garbage = vectorBytes('judge', 'garbage');

function held(phone: PhoneTrust) {
  const read = readHeld(crypto, phone);
  if (!read.ok) throw new Error(read.error.reason);
  return read.value;
}

describe('domain.md §2: asks for .sgn names', () => {
  test.each([
    ['with neither list', {}, false],
    ['with an ITL', { itl }, true],
    ['with a CTL', { ctl }, true],
    ['with both', { ctl, itl }, true],
    ['with an ITL that is prepared for rollback', { itl: rollback }, false],
    ['with such an ITL and a CTL', { ctl, itl: rollback }, true],
    ['with a list that nobody can read', { itl: garbage }, true],
    ['with a CTL that nobody can read', { ctl: garbage, itl }, true],
  ])('%s', (_, phone, signed) => {
    expect(asksForSigned(crypto, phone)).toBe(signed);
  });
});

test('a list that does not decode leaves nothing known', () => {
  for (const phone of [{ itl: garbage }, { ctl: garbage }, { ctl: garbage, itl }, { ctl, itl: garbage }])
    expect(readHeld(crypto, phone)).toMatchObject({ ok: false, error: { code: 'held-list-unreadable' } });
});

test('domain.md §2: a rollback frees of an ITL and never of a CTL', () => {
  expect(isPreparedForRollback(held({}))).toBe(false);
  expect(isPreparedForRollback(held({ itl }))).toBe(false);
  expect(isPreparedForRollback(held({ itl: rollback }))).toBe(true);
  expect(isPreparedForRollback(held({ ctl }))).toBe(false);
  expect(isPreparedForRollback(held({ ctl, itl: rollback }))).toBe(false);
});

test('a phone without file signers but with a TVS is not free', () => {
  const whole = held({ itl });
  const only = (role: string) => ({
    ctl: undefined,
    itl: whole.itl && { ...whole.itl, anchors: whole.itl.anchors.filter((anchor) => anchor.role === role) },
  });
  expect(isPreparedForRollback(only('TVS'))).toBe(false);
  expect(isPreparedForRollback(only('TFTP'))).toBe(false);
  expect(isPreparedForRollback(only('SAST'))).toBe(true);
});

test('design.md §5: only a CTL that names signers of files may be all that a phone looks into', () => {
  expect(maySkipItl(held({ ctl, itl }))).toBe(true);
  expect(maySkipItl(held({ ctl: nonsecure, itl }))).toBe(false);
  expect(maySkipItl(held({ itl }))).toBe(false);
  expect(maySkipItl(held({}))).toBe(false);
});

test('nothing is neither list', () => {
  expect(holdsNothing(held({}))).toBe(true);
  expect(holdsNothing(held({ ctl }))).toBe(false);
  expect(holdsNothing(held({ itl }))).toBe(false);
});

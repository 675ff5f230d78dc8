import { expect, test } from 'vitest';
import { EnumerationGuard } from '../../../../src/core/tftp/enumeration.ts';
import { unknownNamesPerMinuteMax } from '../../../../src/base/limits.ts';

const mac = (n: number) => n.toString(16).padStart(12, '0').toUpperCase();

test('10,000 phones behind one address, each with its own CTLSEP and ITLSEP miss and its encrypted name, are no guesser', () => {
  const guard = new EnumerationGuard(unknownNamesPerMinuteMax);
  const verdicts = new Set<string>();
  for (let phone = 0; phone < 10_000; phone++) {
    const nowMs = phone * 6;
    verdicts.add(guard.unknown('10.0.0.1', `CTLSEP${mac(phone)}.tlv`, nowMs).kind);
    verdicts.add(guard.unknown('10.0.0.1', `ITLSEP${mac(phone)}.tlv`, nowMs).kind);
    guard.served('10.0.0.1', `SEP${mac(phone)}.cnf.xml.sgn`, nowMs);
    verdicts.add(guard.unknown('10.0.0.1', `SEP${mac(phone)}.cnf.xml.enc.sgn`, nowMs).kind);
  }
  expect([...verdicts]).toEqual(['fine']);
});

test('10,000 phones of their own addresses are none either', () => {
  const guard = new EnumerationGuard(unknownNamesPerMinuteMax);
  for (let phone = 0; phone < 10_000; phone++) {
    const address = `10.${phone >> 16}.${(phone >> 8) & 255}.${phone & 255}`;
    for (const name of [`SEP${mac(phone)}.cnf.xml`, 'XMLDefault.cnf.xml', 'Ringlist-wb.xml'])
      expect(guard.unknown(address, name, phone).kind).toBe('fine');
  }
});

test('guessing MAC addresses is seen near the limit, told once a minute, forgotten after it', () => {
  const guard = new EnumerationGuard(200);
  let first: number | undefined;
  let told = 0;
  for (let guess = 1; guess <= 1000; guess++) {
    const verdict = guard.unknown('10.0.0.9', `SEP${mac(guess * 77)}.cnf.xml`, guess);
    if (verdict.kind !== 'guessing') continue;
    first ??= guess;
    if (verdict.firstTime) told++;
  }
  expect(first).toBeGreaterThan(190);
  expect(first).toBeLessThan(215);
  expect(told).toBe(1);
  expect(guard.unknown('10.0.0.9', 'SEP000000000000.cnf.xml', 61_000).kind).toBe('fine');
});

test('one name again and again, or with each suffix, is one name', () => {
  const guard = new EnumerationGuard(2);
  for (let i = 0; i < 1000; i++) {
    const suffix = ['', '.sgn', '.enc.sgn'][i % 3] ?? '';
    expect(guard.unknown('10.0.0.1', `SEP${mac(1)}.cnf.xml${suffix}`, i).kind).toBe('fine');
  }
});

test('fetching one file many times buys one guess, not many', () => {
  const guard = new EnumerationGuard(10);
  for (let i = 0; i < 1000; i++) guard.served('10.0.0.1', 'Ringlist.xml', i);
  const verdicts = Array.from({ length: 30 }, (_, i) =>
    guard.unknown('10.0.0.1', `SEP${mac(i)}.cnf.xml`, 1001),
  );
  expect(verdicts.filter(({ kind }) => kind === 'fine').length).toBeLessThan(14);
});

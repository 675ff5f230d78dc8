import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import {
  formatEndpoint,
  parseCount,
  parseDeviceLine,
  parseHostPort,
  parseTimeSeconds,
  parseTrustAnchor,
} from '../../../src/cli/words.ts';

describe('words of the command line', () => {
  it.each([
    ['tftp.example', 'tftp.example', undefined],
    ['10.0.0.1:69', '10.0.0.1', 69],
    ['[::1]:6969', '::1', 6969],
    ['[fe80::1]', 'fe80::1', undefined],
    ['2001:db8::69', '2001:db8::69', undefined],
  ])('address %s', (word, host, port) => {
    expect(parseHostPort(word)).toEqual({ host, port });
  });

  it.each([
    '',
    ':69',
    'host:',
    'host:x',
    'host:65536',
    '[::1',
    '[10.0.0.1]:69',
    'a b:1',
    '::1]:69',
    '[::1]69',
    'http://host',
  ])('no address: %j', (word) => expectUsage(() => parseHostPort(word)));

  it('puts an IPv6 address in brackets before a port', () => {
    expect([formatEndpoint('::1', 69), formatEndpoint('10.0.0.1', 69)]).toEqual(['[::1]:69', '10.0.0.1:69']);
  });

  it.each([
    ['0', 0],
    ['1763719200', 1_763_719_200],
    ['2026-11-21', 1_795_219_200],
    ['2026-11-21T00:00Z', 1_795_219_200],
    ['2026-11-21T00:00:00.9Z', 1_795_219_200],
    ['2026-11-21T02:00:00+02:00', 1_795_219_200],
    ['2026-11-21T00:00:00', 1_795_219_200],
  ])('time %s', (word, seconds) => {
    expect(parseTimeSeconds(word)).toBe(seconds);
  });

  it.each(['', '-1', 'now', '2026-13-01', '2026-11-21 10:00', '21.11.2026', '1e3', '99999999999'])(
    'no time: %j',
    (word) => expectUsage(() => parseTimeSeconds(word)),
  );

  it('a trust anchor is a role and a file', () => {
    expect(parseTrustAnchor('ccm+tftp=a=b.pem')).toEqual({ role: 'CCM+TFTP', file: 'a=b.pem' });
    for (const word of ['', 'SAST', 'SAST=', '=a.pem', 'ROOT=a.pem'])
      expectUsage(() => parseTrustAnchor(word));
  });

  it('a line is a button and an extension', () => {
    expect(parseDeviceLine('1=1001')).toEqual({ index: 1, extension: '1001' });
    for (const word of ['1001', '0=1001', '1=', '1=a b', 'x=1']) expectUsage(() => parseDeviceLine(word));
  });

  it('a count is digits', () => {
    expect(parseCount('2048')).toBe(2048);
    for (const word of ['', '-1', '1.5', '0x10']) expectUsage(() => parseCount(word));
  });
});

function expectUsage(act: () => unknown): void {
  try {
    act();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Failure);
    expect((thrown as Failure).code).toBe('usage');
    return;
  }
  expect.unreachable('it was accepted');
}

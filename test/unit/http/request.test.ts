import { describe, expect, it } from 'vitest';
import { plainAddress } from '../../../src/base/peer-address.ts';
import { readRange } from '../../../src/http/range.ts';
import { nameOfTarget } from '../../../src/http/request-name.ts';

describe('the name in a target is decoded exactly once', () => {
  it.each([
    ['/Ringlist.xml', 'Ringlist.xml'],
    ['/Desktops/320x212x12/List.xml', 'Desktops/320x212x12/List.xml'],
    ['/a%20b', 'a b'],
    ['/a%2Fb', 'a/b'],
    ['/%2e%2e/x', '../x'],
    ['/%252e', '%2e'],
    ['//x', '/x'],
    ['/', ''],
    ['/%00', '\0'],
    ['/%zz', undefined],
    ['/%c3%28', undefined],
    ['/x?y', undefined],
    ['/x#y', undefined],
    ['http://1.2.3.4/x', undefined],
    ['*', undefined],
    ['', undefined],
  ])('%j', (target, name) => {
    expect(nameOfTarget(target)).toBe(name);
  });
});

describe('a single range (RFC 9110 §14)', () => {
  it.each([
    [undefined, 'whole'],
    ['bytes=0-3', { start: 0, end: 4 }],
    ['bytes=5-', { start: 5, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-30', { start: 0, end: 10 }],
    ['bytes=9-99', { start: 9, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=3-2', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=a-b', 'whole'],
    ['bytes=0-99999999999999999999', 'whole'],
    ['lines=0-1', 'whole'],
  ])('%j of 10 bytes', (header, expected) => {
    expect(readRange(header, 10)).toEqual(expected);
  });

  it('no range of an empty file holds a byte', () => {
    expect(readRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(readRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});

it('an IPv4 peer of a dual-stack socket is an IPv4 peer', () => {
  expect(plainAddress('::ffff:10.0.0.7')).toBe('10.0.0.7');
  expect(plainAddress('::1')).toBe('::1');
  expect(plainAddress(undefined)).toBe('');
});

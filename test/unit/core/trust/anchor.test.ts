/** How an anchor is found: issuer and serial, the serial as the number that it is. */
import { describe, expect, test } from 'vitest';
import { anchorsOfList, sameSerial } from '../../../../src/core/trust/anchor.ts';
import { decodeTrustList } from '../../../../src/wire/trust-list.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, itlOf } from '../../../helpers/clusters.ts';

describe('serials', () => {
  test.each([
    ['a leading 00 says nothing', [0, 0, 0xf0, 1], [0xf0, 1], true],
    ['one in the middle does', [1, 0, 2], [1, 2], false],
    ['every byte counts, not the last alone', [1, 2], [3, 2], false],
    ['zero is zero', [0, 0], [0], true],
    ['and not nothing', [0], [], false],
  ])('%s', (_, one, other, same) => {
    expect(sameSerial(Uint8Array.from(one), Uint8Array.from(other))).toBe(same);
    expect(sameSerial(Uint8Array.from(other), Uint8Array.from(one))).toBe(same);
  });
});

test('a record that names no certificate, or half of one, is no anchor (formats.md §3, 33-byte records)', () => {
  const list = decodeTrustList(itlOf(a));
  const [first] = list.ok ? list.value.records : [];
  if (!list.ok || first === undefined) throw new Error('a list');
  const { issuer, serial, ...host } = { ...first, certificateDer: undefined };
  const named = [{ ...host, issuer, serial }, host, { ...host, issuer }, { ...host, serial }];
  const anchors = anchorsOfList(createVerifier(), { header: list.value.header, records: named });
  expect(anchors).toEqual([{ role: 'SAST', subject: first.subject, issuer, serial, certificate: undefined }]);
});

/** What a certificate is for, read off the published lists: said before it goes. */
import { expect, test } from 'vitest';
import { dependentsOf, holdersOf } from '../../../../src/core/trust/dependents.ts';
import { a, ctlRecords, role } from '../../../helpers/clusters.ts';
import { crypto, list } from '../../../helpers/strand-lists.ts';
import { now, record, trustList, type Party } from '../../../helpers/trust-builder.ts';

const fingerprintOf = ({ der }: Party): string => crypto.readCertificate(der)?.fingerprint ?? '';
const nonsecure = trustList({
  by: a.sast,
  as: 'CTLFile.tlv',
  timestamp: now,
  // A server of a nonsecure cluster stands there without a certificate.
  records: [...ctlRecords(a), record({ role: role.ccmTftp })],
});
const lists = [list('itl', 1, a), { ...list('ctl', 1, a), bytes: nonsecure }].map((each) =>
  holdersOf(crypto, each),
);

test('who signs a list, who stands in it as what, and what else it is used for', () => {
  expect(dependentsOf(fingerprintOf(a.callmanager), lists, 'callmanager')).toEqual([
    'signs configurations',
    'ITL: SAST/TFTP',
    'CTL: SAST/CCM+TFTP',
  ]);
  expect(dependentsOf(fingerprintOf(a.sast), lists, undefined)).toEqual([
    'signs ITL',
    'signs CTL',
    'ITL: SAST',
    'CTL: SAST',
  ]);
  expect(dependentsOf('f'.repeat(64), lists, undefined)).toEqual([]);
});

test('a list that cannot be read names nobody', () => {
  const broken = { ...list('itl', 1, a), bytes: Uint8Array.of(1) };
  expect(holdersOf(crypto, broken).roles.size).toBe(0);
});

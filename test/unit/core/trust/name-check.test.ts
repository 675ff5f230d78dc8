/** The FILENAME item against the name that was asked (security.md §2), and the header version of a name. */
import { expect, test } from 'vitest';
import { checkFileName, checkVersion } from '../../../../src/core/trust/name-check.ts';

const device = 'SEP001122334455';
const other = 'SEP001122334466';

test.each([
  ['itself', 'ITLFile.tlv', 'ITLFile.tlv', undefined],
  ["the cluster's ITL for a device's", `ITL${device}.tlv`, 'ITLFile.tlv', undefined],
  ["the cluster's CTL for a device's", `CTL${device}.tlv`, 'CTLFile.tlv', undefined],
  ["the cluster's CTL for a device's ITL", `ITL${device}.tlv`, 'CTLFile.tlv', 'file-name-list-kind'],
  ["the cluster's ITL for a device's CTL", `CTL${device}.tlv`, 'ITLFile.tlv', 'file-name-list-kind'],
  ["another device's CTL", `CTL${device}.tlv`, `CTL${other}.tlv`, 'file-name-device'],
  ["a device's ITL for the cluster's", 'ITLFile.tlv', `ITL${device}.tlv`, 'file-name-list-scope'],
  ['a configuration for a list', 'ITLFile.tlv', `${device}.cnf.xml.sgn`, 'file-name-other'],
  ['a list for a configuration', `${device}.cnf.xml.sgn`, 'ITLFile.tlv', 'file-name-other'],
  [
    'a clear one for an encrypted',
    `${device}.cnf.xml.enc.sgn`,
    `${device}.cnf.xml.sgn`,
    'file-name-encryption',
  ],
  [
    'an encrypted one for a clear',
    `${device}.cnf.xml.sgn`,
    `${device}.cnf.xml.enc.sgn`,
    'file-name-encryption',
  ],
  ['another case', 'Ringlist.xml.sgn', 'RINGLIST.xml.sgn', 'file-name-case'],
  ['a folder before it', 'Ringlist.xml.sgn', 'English/Ringlist.xml.sgn', 'file-name-path'],
  ['no folder where one was asked', 'English/Ringlist.xml.sgn', 'Ringlist.xml.sgn', 'file-name-other'],
  ['no name', 'ITLFile.tlv', undefined, 'file-name-missing'],
])('security.md §2, the FILENAME item: %s', (_, asked, signedAs, code) => {
  expect(checkFileName(asked, signedAs)?.code).toBe(code);
});

test.each([
  ['ITLFile.tlv', 'trust-list'],
  [`${device}.cnf.xml.enc.sgn`, 'encrypted-file'],
  [`${device}.cnf.xml.sgn`, 'signed-file'],
  ['sip88xx.14-2-1.zz.sgn', 'firmware'],
  ['../what.sgn', 'signed-file'],
] as const)('formats.md §1: %s is of kind %s and of no other', (asked, kind) => {
  for (const one of ['trust-list', 'encrypted-file', 'signed-file', 'firmware'] as const)
    expect(checkVersion(asked, one)?.code).toBe(one === kind ? undefined : 'version-not-for-name');
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { certificatePurposes } from '../../../src/core/cluster/model.ts';
import { fillSubject, packagedProfiles, readProfile } from '../../../src/pki/profile.ts';

const folder = pathToFileURL(`${mkdtempSync(join(tmpdir(), 'tftp-pki-profile-'))}/`);
afterAll(() => rmSync(folder, { recursive: true }));

const values = { node: 'cucm-a.example', cluster: 'alpha', random: '0badcafe' };
const tvs = readFileSync(new URL('tvs.yaml', packagedProfiles), 'utf8');

describe('the profiles of the package', () => {
  test.each(certificatePurposes)('%s is valid and its subject fills', (purpose) => {
    const subject = fillSubject(readProfile(purpose), values);
    expect(subject[0]?.[0]).toBe('CN');
    expect(JSON.stringify(subject)).not.toMatch(/[{}]/);
  });

  test('phones load RSA-2048 only: whatever signs for them is that', () => {
    for (const purpose of ['callmanager', 'itlrecovery', 'tvs', 'capf'] as const)
      expect(readProfile(purpose).key).toEqual({ type: 'rsa', bits: 2048 });
  });

  test('a node without a domain has an empty one', () => {
    const subject = fillSubject(readProfile('callmanager-ec'), { ...values, node: 'cucm-a' });
    expect(subject[0]).toEqual(['CN', 'cucm-a-EC']);
  });
});

describe('a profile that is refused', () => {
  test.each([
    ['an unknown field', `${tvs}extra: 1\n`],
    ['RSA-3072, which a signed header cannot name', tvs.replace('2048 }', '3072 }')],
    ['a hash phones and openssl have left behind', tvs.replace('sha256', 'md5')],
    ['another purpose than its name', tvs.replace('purpose: tvs', 'purpose: capf')],
    ['no YAML', '{'],
    ['an unknown attribute', tvs.replace('OU:', 'UID:')],
  ])('%s', (_name, text) => {
    writeFileSync(new URL('tvs.yaml', folder), text);
    expect(() => readProfile('tvs', folder)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });

  test('an unknown placeholder', () => {
    writeFileSync(new URL('tvs.yaml', folder), tvs.replace('{node}', '{nodename}'));
    const profile = readProfile('tvs', folder);
    expect(() => fillSubject(profile, values)).toThrow('unknown placeholder {nodename}');
  });

  test('a missing file', () => {
    expect(() => readProfile('capf', folder)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });
});

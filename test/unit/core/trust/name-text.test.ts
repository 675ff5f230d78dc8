import { describe, expect, it } from 'vitest';
import { canonicalNameText, namesAttributes } from '../../../../src/core/trust/name-text.ts';

describe('names as sets of attributes (security.md §2)', () => {
  it.each([
    ['order and separator', 'CN=a;OU=b;C=LV', 'C=LV, OU=b,CN=a'],
    ['case of types, blanks', 'cn=a;ou=b', 'CN = a, OU=b'.replace(' = ', '=')],
    ['short names of one type', 'S=Riga;E=a@b', 'ST=Riga,emailAddress=a@b'],
    ['an escaped comma and a bare one', 'O=Example\\, Inc.;C=LV', 'O=Example, Inc.,C=LV'],
    ['a relative name of two attributes', 'CN=a+OU=b', 'OU=b,CN=a'],
    ['a dotted type', '2.5.4.97=x,CN=a', 'CN=a;2.5.4.97=x'],
  ])('%s does not matter', (_, one, other) => {
    expect(canonicalNameText(one)).toBe(canonicalNameText(other));
  });

  it.each([
    ['a value', 'CN=a,OU=b', 'CN=a,OU=c'],
    ['the case of a value', 'CN=a', 'CN=A'],
    ['an attribute more', 'CN=a', 'CN=a,OU=b'],
    ['an attribute twice', 'CN=a,OU=b', 'CN=a,OU=b,OU=b'],
    ['what is no name', '', 'CN='],
  ])('%s matters', (_, one, other) => {
    expect(canonicalNameText(one)).not.toBe(canonicalNameText(other));
  });
});

describe('the name of a certificate', () => {
  const issuer = [
    ['DC', 'local'],
    ['CN', 'WIN-CA'],
  ] as const;

  it('may leave out what CUCM does not print, and nothing else', () => {
    expect(namesAttributes('CN=WIN-CA', issuer)).toBe(true);
    expect(namesAttributes('CN=WIN-CA,DC=local', issuer)).toBe(true);
    expect(namesAttributes('DC=local', issuer)).toBe(false);
    expect(namesAttributes('CN=WIN-CA,DC=elsewhere', issuer)).toBe(false);
    expect(namesAttributes('', [['DC', 'local']])).toBe(false);
  });
});

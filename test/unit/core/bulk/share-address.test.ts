import { expect, it } from 'vitest';
import { formatShareAddress, parseShareAddress } from '../../../../src/core/bulk/share-address.ts';

it.each([
  ['sftp://bulk@files.example/exchange', 'bulk', 'files.example', 22, '/exchange'],
  ['sftp://bulk@files.example:2222/a%20b/', 'bulk', 'files.example', 2222, '/a b'],
  ['sftp://[::1]:22/x', undefined, '::1', 22, '/x'],
  ['SFTP://Host', undefined, 'host', 22, '/'],
])('%s', (text, user, host, port, path) => {
  expect(parseShareAddress(text)).toEqual({ ok: true, value: { kind: 'sftp', user, host, port, path } });
});

it('takes anything without a scheme as a directory', () => {
  expect(parseShareAddress('../share')).toEqual({
    ok: true,
    value: { kind: 'directory', path: '../share' },
  });
});

it.each([
  '',
  'ftp://h/x',
  'sftp://a:b@h/',
  'sftp://h:0/',
  'sftp://h:99999/',
  'sftp://',
  'sftp://h/%zz',
  'sftp://h/%00',
])('refuses %j', (text) => expect(parseShareAddress(text).ok).toBe(false));

it('prints what it read', () => {
  for (const text of ['sftp://bulk@h/x', 'sftp://[::1]:2222/', './share']) {
    const parsed = parseShareAddress(text);
    expect(parsed.ok && formatShareAddress(parsed.value)).toBe(text);
  }
});

/** Which handshakes are told at all; that TLS behaves so is tested with real clients (test/integration/handshakes.test.ts). */
import { expect, test } from 'vitest';
import { certificateBytesMax } from '../../../../src/base/limits.ts';
import { seeHandshake, type SecuredSocket } from '../../../../src/core/trust/seen-handshake.ts';

const client = { raw: Uint8Array.of(1, 2), fingerprint256: 'AB:0C' };
const server = { raw: Uint8Array.of(3), fingerprint256: '0F:FF' };

function socket(more: Partial<SecuredSocket> = {}): SecuredSocket {
  return {
    isSessionReused: () => false,
    getPeerX509Certificate: () => client,
    getX509Certificate: () => server,
    ...more,
  };
}

test('a client that named itself, with its certificate and that of the server', () => {
  expect(seeHandshake('tvs', socket(), 7)).toEqual({
    service: 'tvs',
    server: '0fff',
    client: 'ab0c',
    certificate: client.raw,
    atMs: 7,
  });
  expect(seeHandshake('https', socket(), 7)?.service).toBe('https');
  const longest = { ...client, raw: new Uint8Array(certificateBytesMax) };
  expect(seeHandshake('tvs', socket({ getPeerX509Certificate: () => longest }), 7)).toBeDefined();
});

test.each<[string, Partial<SecuredSocket>]>([
  ['a resumed session: no certificate was shown', { isSessionReused: () => true }],
  ['a client without a certificate', { getPeerX509Certificate: () => undefined }],
  ['a server without one', { getX509Certificate: () => undefined }],
  [
    'a certificate beyond the bound',
    { getPeerX509Certificate: () => ({ ...client, raw: new Uint8Array(certificateBytesMax + 1) }) },
  ],
])('not %s', (_what, more) => {
  expect(seeHandshake('tvs', socket(more), 7)).toBeUndefined();
});

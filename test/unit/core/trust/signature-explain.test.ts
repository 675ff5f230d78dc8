/** Why a signature does not verify; of a key that cannot be read nothing is said but that it did not sign. */
import { createPublicKey, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { explainSignature } from '../../../../src/core/trust/signature-explain.ts';
import { testKey } from '../../../helpers/trust-builder.ts';

const key = testKey('callmanager-a');
const pkcs1 = new Uint8Array(createPublicKey(key).export({ type: 'pkcs1', format: 'der' }));
const signature = new Uint8Array(sign('sha1', Buffer.from('another text'), key));
const explained = (der: Uint8Array): string => explainSignature(der, 'sha1', signature);

/** SEQUENCE with a length of two bytes, INTEGER n with one of two, INTEGER e. */
const exponentAt = pkcs1.length - 5;

test('another text, under a key that can be read', () => {
  expect(explained(pkcs1)).toBe('signature-content');
  expect([pkcs1[0], pkcs1[4], pkcs1[exponentAt]]).toEqual([0x30, 0x02, 0x02]);
});

test.each([
  ['nothing at all', new Uint8Array()],
  ['a tag and no length', pkcs1.subarray(0, 1)],
  ['no SEQUENCE', pkcs1.with(0, 0x31)],
  ['no INTEGER for the modulus', pkcs1.with(4, 0x04)],
  ['no INTEGER for the exponent', pkcs1.with(exponentAt, 0x04)],
  ['an exponent that is cut off', pkcs1.with(exponentAt + 1, 4)],
])('a key that is %s did not sign it', (_, der) => {
  expect(explained(der)).toBe('signature-not-by-key');
});

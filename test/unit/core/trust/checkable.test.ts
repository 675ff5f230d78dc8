/** Which keys can sign what phones check: RSA whose length has a code (formats.md §1, tag 11). */
import { expect, test } from 'vitest';
import { uncheckableKey } from '../../../../src/core/trust/checkable.ts';
import { openToolCertificate } from '../../../helpers/open-tool-signers.ts';

const certificate = openToolCertificate('callmanager');
const bytes = new Uint8Array();
const ofBits = (modulusBits: number) => ({
  ...certificate,
  publicKey: { kind: 'rsa', modulusBits, spki: bytes, pkcs1: bytes } as const,
});

test('RSA of a length that a header can name', () => {
  for (const bits of [512, 1024, 2048, 4096]) expect(uncheckableKey(ofBits(bits))).toBeUndefined();
  expect(uncheckableKey(ofBits(3072))).toBe('RSA-3072');
  expect(uncheckableKey(openToolCertificate('callmanager-ec'))).toBe('an EC key');
});

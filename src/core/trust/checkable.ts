/** Whether phones can check what a key signed: RSA of a size that a signed header can name (formats.md, tag 11). */
import { codeOfModulusBytes } from '../../wire/algorithm.ts';
import type { CertificateFacts } from '../ports.ts';

/** `undefined` when they can, else what is in the way: `RSA-3072`, `an EC key`. */
export function uncheckableKey({ publicKey }: CertificateFacts): string | undefined {
  if (publicKey.kind !== 'rsa') return 'an EC key';
  const isNamed = codeOfModulusBytes(publicKey.modulusBits / 8) !== undefined;
  return isNamed ? undefined : `RSA-${publicKey.modulusBits}`;
}

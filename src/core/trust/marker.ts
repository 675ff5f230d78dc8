/**
 * The file that shows that a phone took its configuration: its name depends on the phone and on the signer, it stands in
 * that configuration as the feature policy, and a phone that refused the configuration cannot know it. A phone asks for
 * it and goes on without it, as without any feature policy. It is the one request of a boot "that only acceptance
 * produces" (design.md §5).
 */
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';

/** `FP<uuid>.xml`, the form of CUCM's own names. `signer`: fingerprint of the certificate that signs files. */
export function markerName(crypto: Pick<Crypto, 'digest'>, device: string, signer: string): string {
  const hex = toHex(crypto.digest('sha256', encodeUtf8(`feature policy of ${device} by ${signer}`)));
  const uuid = [8, 12, 16, 20, 32].map((end, at) => hex.slice([0, 8, 12, 16, 20][at], end)).join('-');
  return `FP${uuid}.xml`;
}

/**
 * The file that shows that a phone took its configuration: its name depends on the phone and on the signer, it stands in
 * that configuration as the feature policy, and a phone that refused the configuration cannot know it. It is the one
 * request of a boot "that only acceptance produces" (design.md §5).
 *
 * Anybody can read a configuration, so the name is no secret: what counts is from where it is asked for, and how that is
 * proved. It is answered with a policy that says nothing, so that over TFTP there is a last ACK to prove it by. Phones
 * set what a policy lists and leave the rest as it is (Cisco's published SIP stack, sipcc: `fcp_init_template`).
 */
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';

type Namer = Pick<Crypto, 'digest'>;

/** `FP<uuid>.xml`, the form of CUCM's own names. `signer`: fingerprint of the certificate that signs files. */
export function markerName(crypto: Namer, cluster: string, device: string, signer: string): string {
  const own = hexOf(crypto, `feature policy of ${device} by ${signer}`).slice(0, ownDigits);
  const digits = own + checkOf(crypto, cluster, own);
  const uuid = [8, 12, 16, 20, 32].map((end, at) => digits.slice([0, 8, 12, 16, 20][at], end)).join('-');
  return `FP${uuid}.xml`;
}

/** Is it the marker of some phone of this cluster, whoever signs? Told by the name alone, so that every node can. */
export function isMarker(crypto: Namer, cluster: string, base: string): boolean {
  if (!mayBeMarker(base)) return false;
  const digits = base.slice(2, -'.xml'.length).replaceAll('-', '').toLowerCase();
  return digits.slice(ownDigits) === checkOf(crypto, cluster, digits.slice(0, ownDigits));
}

/** For the edge, which knows nothing of clusters. */
export function mayBeMarker(base: string): boolean {
  return /^FP[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.xml$/i.test(base);
}

/** A feature policy of no feature. */
export const markerContent: Uint8Array = encodeUtf8(
  '<?xml version="1.0" encoding="UTF-8"?>\n<featurePolicy name="none">\n  <versionStamp>0</versionStamp>\n</featurePolicy>\n',
);

/** The other 32 bits say that it is a marker. */
const ownDigits = 24;

function checkOf(crypto: Namer, cluster: string, own: string): string {
  return hexOf(crypto, `marker of ${cluster}: ${own}`).slice(0, 32 - ownDigits);
}

function hexOf(crypto: Namer, text: string): string {
  return toHex(crypto.digest('sha256', encodeUtf8(text)));
}

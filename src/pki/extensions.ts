/**
 * The extensions of a certificate that say what its key may do (RFC 5280 §4.2.1). Total over what the strict reader
 * accepted: an extension that is not what its type says, or stands twice, is `undefined` for the whole.
 */
import { decodeLatin1 } from '../base/text.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { DerError, DerReader, derTag, objectIdentifier } from './der.ts';

export interface UsageFacts {
  /** Bit numbers of §4.2.1.3; undefined where the extension is absent, which allows everything. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** Object identifiers; undefined where absent. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly certificateAuthority: boolean;
  /** dNSName entries of the subject alternative name, and IPv4 addresses as text. */
  readonly hosts: readonly string[];
}

export const keyUsageBit = { digitalSignature: 0, keyCertSign: 5 } as const;
export const extendedUsage = { any: '2.5.29.37.0', serverAuth: '1.3.6.1.5.5.7.3.1' } as const;

const extensionId = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
};

export function readUsage(certificate: CertificateFacts): UsageFacts | undefined {
  try {
    const found = extensionsOf(certificate.der);
    const keyUsage = found.get(extensionId.keyUsage);
    const extended = found.get(extensionId.extendedKeyUsage);
    const constraints = found.get(extensionId.basicConstraints);
    const names = found.get(extensionId.subjectAlternativeName);
    return {
      keyUsage: keyUsage && bitNumbers(keyUsage.expect(derTag.bitString).content),
      extendedKeyUsage: extended && identifiers(extended.sequence()),
      certificateAuthority: constraints !== undefined && isAuthority(constraints.sequence()),
      hosts: names ? hostsOf(names.sequence()) : [],
    };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** [3] of TBSCertificate: type → a reader at the value inside its OCTET STRING. */
function extensionsOf(der: Uint8Array): Map<string, DerReader> {
  const tbs = new DerReader(der).sequence().sequence();
  const found = new Map<string, DerReader>();
  while (!tbs.done) {
    const element = tbs.any();
    if (element.tag !== 0xa3) continue;
    const list = new DerReader(element.content).sequence();
    while (!list.done) {
      const extension = list.sequence();
      const type = objectIdentifier(extension.expect(derTag.objectIdentifier));
      if (found.has(type)) throw new DerError('an extension twice');
      if (extension.peekTag() === booleanTag) extension.any();
      found.set(type, new DerReader(extension.expect(derTag.octetString).content));
    }
  }
  return found;
}

const booleanTag = 0x01;
const dnsNameTag = 0x82;
const ipAddressTag = 0x87;

/** X.690 §11.2.2: bit 0 is the highest of the first byte; the first content byte counts the unused ones. */
function bitNumbers(content: Uint8Array): ReadonlySet<number> {
  const bits = new Set<number>();
  for (let bit = 0; bit < (content.length - 1) * 8; bit++)
    if (((content[1 + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1) bits.add(bit);
  return bits;
}

function identifiers(list: DerReader): readonly string[] {
  const found: string[] = [];
  while (!list.done) found.push(objectIdentifier(list.expect(derTag.objectIdentifier)));
  return found;
}

/** cA is DEFAULT FALSE: an empty sequence, or one that begins with the path length, is no authority. */
function isAuthority(constraints: DerReader): boolean {
  return constraints.peekTag() === booleanTag && constraints.any().content[0] === 0xff;
}

function hostsOf(names: DerReader): readonly string[] {
  const found: string[] = [];
  while (!names.done) {
    const { tag, content } = names.any();
    if (tag === dnsNameTag) found.push(decodeLatin1(content));
    if (tag === ipAddressTag && content.length === 4) found.push(content.join('.'));
  }
  return found;
}

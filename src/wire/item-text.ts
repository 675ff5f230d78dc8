/**
 * The value of one item as text for people: names as text, numbers as numbers, keys and signatures as hex.
 * Total: what is not well formed is shown as hex. Control characters are escaped.
 */
import { formatIsoSeconds } from '../base/utc-time.ts';
import { printable, toHex } from '../base/text.ts';
import { hashOfCode, modulusBytesOfCode, rsaSignatureCode } from './algorithm.ts';
import { headerTag, headerTags } from './header-tags.ts';
import { recordTag } from './record-tags.ts';
import { describeRole, roleOfCode } from './role.ts';
import { numberOf, readText, type Item } from './tlv.ts';

/** The value of an item of a signed header; '' for containers and padding. */
export function headerItemText(item: Item): string {
  const { tag, value } = item;
  const number = numberOf(item);
  if (headerTags.get(tag)?.container || tag === headerTag.padding) return '';
  switch (tag) {
    case headerTag.version:
    case headerTag.signerVersion:
      return `${value[0]}.${value[1]}`;
    case headerTag.signerName:
    case headerTag.issuerName:
    case headerTag.fileName:
      return textOrHex(item);
    case headerTag.serialNumber:
      return toHex(value, ':');
    case headerTag.digestAlgorithm:
    case headerTag.contentDigestAlgorithm:
      return `${number} (${hashText(number)})`;
    case headerTag.signatureAlgorithm:
      return `${number} (${number === rsaSignatureCode ? 'RSA' : 'unknown'})`;
    case headerTag.signatureModulus:
      return `${number} (${modulusText(number)})`;
    case headerTag.timestamp:
      return `${number} (${formatIsoSeconds(number)})`;
    case headerTag.signature:
    case headerTag.iv:
    case headerTag.contentKey:
    case headerTag.contentDigest:
      return toHex(value);
    default:
      return String(number);
  }
}

/** The value of an item of a trust list record. */
export function recordItemText(item: Item): string {
  const { tag, value } = item;
  const number = numberOf(item);
  switch (tag) {
    case recordTag.recordLength:
      return String(number);
    case recordTag.dnsName:
    case recordTag.subjectName:
    case recordTag.issuerName:
      return textOrHex(item);
    case recordTag.function: {
      const role = roleOfCode(number);
      return role === undefined ? String(number) : `${number} (${describeRole(role)})`;
    }
    case recordTag.serialNumber:
      return toHex(value, ':');
    case recordTag.ipAddress:
      return ipText(value);
    default:
      return toHex(value);
  }
}

/** `10.48.47.153`, or eight groups of hex. */
export function ipText(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  return (
    toHex(address)
      .match(/.{1,4}/g)
      ?.join(':') ?? ''
  );
}

export function hashText(code: number): string {
  return { sha1: 'SHA-1', sha512: 'SHA-512', '': 'unknown' }[hashOfCode(code) ?? ''];
}

function modulusText(code: number): string {
  const bytes = modulusBytesOfCode(code);
  return bytes === undefined ? 'unknown' : `${bytes} bytes, RSA-${bytes * 8}`;
}

function textOrHex(item: Item): string {
  const text = readText(item);
  return text.ok ? printable(text.value) : toHex(item.value);
}

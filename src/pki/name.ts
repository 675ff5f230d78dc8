/**
 * Distinguished names: read from DER into attributes, written as the one text form that CUCM puts into lists,
 * `CN=…;OU=…;O=…;L=…;ST=…;C=…`. The text is for phones and eyes and is not escaped: names are compared by
 * attributes, certificates by their bytes, never by this text. Refuses a NUL inside a value, which would end
 * the text early in a TLV item (formats.md: strings end with one NUL).
 */
import { decodeLatin1, decodeUtf8, toHex } from '../base/text.ts';
import type { NameAttributes } from '../core/ports.ts';
import { DerError, DerReader, derTag, objectIdentifier, type DerElement } from './der.ts';

/** RFC 4519 and RFC 4514 §3 short names; any other type keeps its dotted number. */
const attributeTypes = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.10', 'O'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.6', 'C'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.12', 'title'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
]);

const textOrder = ['CN', 'OU', 'O', 'L', 'ST', 'C'];

/** Attributes in the order of the certificate; a relative name with several attributes is flattened. */
export function readName(name: DerElement): NameAttributes {
  const attributes: (readonly [string, string])[] = [];
  const names = new DerReader(name.content);
  while (!names.done) {
    const relative = new DerReader(names.expect(derTag.set).content);
    if (relative.done) throw new DerError('empty relative name');
    while (!relative.done) {
      const attribute = relative.sequence();
      const type = objectIdentifier(attribute.expect(derTag.objectIdentifier));
      const value = readText(attribute.any());
      attribute.end();
      attributes.push([attributeTypes.get(type) ?? type, value]);
    }
  }
  return attributes;
}

/** The known attributes in CUCM's order, the others behind them as they come. */
export function formatName(attributes: NameAttributes): string {
  const known = textOrder.flatMap((type) => attributes.filter((attribute) => attribute[0] === type));
  const others = attributes.filter(([type]) => !textOrder.includes(type));
  return [...known, ...others].map(([type, value]) => `${type}=${value}`).join(';');
}

/** Text of one of the ASN.1 string types, decoded strictly. */
export function readText(element: DerElement): string {
  const text = decodeText(element);
  if (text === undefined) throw new DerError('text that does not decode');
  if (text.includes('\0')) throw new DerError('NUL in a name');
  return text;
}

function decodeText({ tag, content, whole }: DerElement): string | undefined {
  switch (tag) {
    case derTag.utf8String:
      return decodeUtf8(content);
    case derTag.printableString:
    case derTag.ia5String:
    case derTag.teletexString:
      return decodeLatin1(content);
    case derTag.bmpString:
      return decodeWide(content, 2);
    case derTag.universalString:
      return decodeWide(content, 4);
    default:
      // RFC 4514 §2.4: a value without a string form is written as the hex of its BER.
      return `#${toHex(whole)}`;
  }
}

function decodeWide(content: Uint8Array, width: 2 | 4): string | undefined {
  if (content.length % width !== 0) return undefined;
  let text = '';
  for (let at = 0; at < content.length; at += width) {
    let point = 0;
    for (let i = 0; i < width; i++) point = point * 256 + (content[at + i] ?? 0);
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/base/text.ts';
import {
  DerError,
  DerReader,
  derTag,
  encodeDer,
  encodeInteger,
  encodeObjectIdentifier,
  encodeSetOf,
  integerContent,
  objectIdentifier,
  positiveInteger,
  smallInteger,
  timeSeconds,
  wholeBytes,
  type DerElement,
} from '../../../src/pki/der.ts';
import { formatName, readName } from '../../../src/pki/name.ts';

function bytes(hex: string): Uint8Array {
  const decoded = fromHex(hex.replaceAll(' ', ''));
  if (!decoded) throw new Error(`no hex in this test: ${hex}`);
  return decoded;
}

function only(hex: string): DerElement {
  const reader = new DerReader(bytes(hex));
  const element = reader.any();
  reader.end();
  return element;
}

describe('hostile bytes', () => {
  test.each([
    ['nothing at all', ''],
    ['a tag without a length', '30'],
    ['a length past the end', '0405 01020304'],
    ['a long length cut short', '0482 01'],
    ['the indefinite length of BER', '3080 0000'],
    ['a short length in long form', '0481 01 ff'],
    ['a length with a leading zero', `0482 0080 ${'00'.repeat(128)}`],
    ['five length bytes', '0485 0000000001 ff'],
    ['a high tag number', '1f81 01 00'],
    ['a byte behind the end', '0401 ff 00'],
  ])('%s', (_name, hex) => {
    expect(() => only(hex)).toThrow(DerError);
  });

  test.each([
    ['empty', '0200'],
    ['padded with 00', '0202 007f'],
    ['padded with ff', '0202 ff80'],
  ])('an integer that is %s', (_name, hex) => {
    expect(() => integerContent(only(hex))).toThrow(DerError);
  });

  test('a negative integer where a positive one belongs, and one beyond exact numbers', () => {
    expect(() => positiveInteger(only('0201 ff'))).toThrow(DerError);
    expect(() => smallInteger(only('0208 0020000000000001'))).toThrow(DerError);
    expect(smallInteger(only('0207 1fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('a bit string with unused bits, or without the byte that counts them', () => {
    expect(() => wholeBytes(only('0302 04f0'))).toThrow(DerError);
    expect(() => wholeBytes(only('0300'))).toThrow(DerError);
  });

  test.each([
    ['empty', '0600'],
    ['cut in an arc', '0602 2a86'],
    ['an arc with a leading zero digit', '0603 2a8001'],
    ['an arc beyond exact numbers', '060a 2affffffffffffffff7f'],
  ])('an object identifier that is %s', (_name, hex) => {
    expect(() => objectIdentifier(only(hex))).toThrow(DerError);
  });
});

describe('times (RFC 5280 §4.1.2.5)', () => {
  const time = (tag: number, text: string) =>
    timeSeconds({ tag, content: Buffer.from(text), whole: Buffer.alloc(0) });

  test('the two-digit year turns at 50', () => {
    expect(time(derTag.utcTime, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59) / 1000);
    expect(time(derTag.utcTime, '500101000000Z')).toBe(Date.UTC(1950, 0, 1) / 1000);
    expect(time(derTag.generalizedTime, '99991231235959Z')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59) / 1000);
  });

  test.each([
    ['without seconds', '2601010000Z'],
    ['with an offset', '260101000000+0100'],
    ['a 30th of February', '260230000000Z'],
    ['a 13th month', '261301000000Z'],
    ['a 25th hour', '260101250000Z'],
    ['a leap second', '260101235960Z'],
    ['trailing text', '260101000000Z '],
  ])('%s', (_name, text) => {
    expect(() => time(derTag.utcTime, text)).toThrow(DerError);
  });

  test('a fraction of a second, or a type that is no time', () => {
    expect(() => time(derTag.generalizedTime, '20260101000000.5Z')).toThrow(DerError);
    expect(() => time(derTag.octetString, '260101000000Z')).toThrow(DerError);
  });
});

describe('names', () => {
  const commonName = '0603550403';
  const name = (value: string): DerElement =>
    only(
      toHex(
        encodeDer(
          derTag.sequence,
          encodeDer(derTag.set, encodeDer(derTag.sequence, bytes(commonName), bytes(value))),
        ),
      ),
    );

  test.each([
    ['UTF8String', '0c05 52c4ab6761', 'Rīga'],
    ['PrintableString', '1304 52696761', 'Riga'],
    ['TeletexString, read as latin1', '1404 4de96c65', 'Méle'],
    ['BMPString', '1e08 0052012b00670061', 'Rīga'],
    ['UniversalString', '1c08 000000520001f512', 'R🔒'],
    ['a type without text', '0101ff', '#0101ff'],
  ])('%s', (_name, value, text) => {
    expect(formatName(readName(name(value)))).toBe(`CN=${text}`);
  });

  test.each([
    ['UTF-8 that is none', '0c02 c328'],
    ['half a BMP character', '1e03 005200'],
    ['a code point beyond Unicode', '1c04 00110000'],
    ['a NUL', '0c03 610062'],
    ['a NUL in a BMPString', '1e02 0000'],
  ])('%s is refused', (_name, value) => {
    expect(() => readName(name(value))).toThrow(DerError);
  });

  test('an empty relative name is refused', () => {
    expect(() => readName(only('3002 3100'))).toThrow(DerError);
  });
});

describe('writing', () => {
  test('reads back: lengths, integers, object identifiers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
        const element = only(toHex(encodeDer(derTag.octetString, new Uint8Array(length))));
        return element.content.length === length;
      }),
      { seed: 690, numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => smallInteger(only(toHex(encodeInteger(value)))) === value),
      { seed: 690, numRuns: 200 },
    );
    for (const dotted of ['1.2.840.113549.1.1.1', '2.5.29.37.0', '2.999.1', '0.9.2342.19200300.100.1.25'])
      expect(objectIdentifier(only(toHex(encodeObjectIdentifier(dotted))))).toBe(dotted);
  });

  test('the elements of a SET OF are sorted (X.690 §11.6)', () => {
    expect(toHex(encodeSetOf(bytes('020102'), bytes('0101ff'), bytes('020101')))).toBe(
      '31090101ff020101020102',
    );
  });
});

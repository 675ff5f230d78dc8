import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, equalBytes } from '../../../src/base/bytes.ts';
import {
  decodeSignedHeader,
  encodeSignedHeader,
  layoutSignedHeader,
  looksSigned,
  placeSignature,
  toBeSigned,
  type HeaderFields,
} from '../../../src/wire/signed-header.ts';
import { fill, header, headerParts, record, text, tlv, type Bytes } from '../../helpers/hand-tlv.ts';

const technotes = readFileSync(
  new URL('../../vectors/technotes/show-ctl-lengths.txt', import.meta.url),
  'utf8',
);

function decode(bytes: Uint8Array) {
  const decoded = decodeSignedHeader(bytes);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

const fields: Omit<HeaderFields, 'signatureBytes'> = {
  version: { major: 1, minor: 0 },
  signer: { name: 'CN=a;O=b', serial: Uint8Array.of(0x70, 0xca), issuer: 'CN=ca' },
  digestCode: 1,
  signatureAlgorithmCode: 0,
  modulusCode: 2,
  fileName: 'Ringlist.xml.sgn',
  timestamp: 1_795_252_212,
};

describe('lengths of the technotes recompute (formats.md §1)', () => {
  const rows = [...technotes.matchAll(/^HEADER (\d+) (\d+) (\d+) (\d+) (\d+) -> (\d+)/gm)].map((row) =>
    row.slice(1).map(Number),
  );

  it('has four of them', () => {
    expect(rows).toHaveLength(4);
  });

  it.each(rows)('names %i, %i, %i, signature %i, file name %i give %i', (...row) => {
    const [name = 0, serial = 0, issuer = 0, signature = 0, fileName = 0, headerLength = 0] = row;
    const bytes = encodeSignedHeader(
      {
        ...fields,
        version: { major: 1, minor: 2 },
        signer: {
          name: 'n'.repeat(name - 1),
          serial: new Uint8Array(serial),
          issuer: 'i'.repeat(issuer - 1),
        },
        fileName: 'f'.repeat(fileName - 1),
      },
      new Uint8Array(signature),
    );
    expect(bytes).toHaveLength(headerLength);
    expect(decode(bytes).headerLength).toBe(headerLength);
  });
});

describe('reading', () => {
  it('gives every field and every item with its offset', () => {
    const bytes = Uint8Array.from([...header(Object.values(headerParts())), ...Buffer.from('<x/>')]);
    const value = decode(bytes);
    expect(value).toMatchObject({
      kind: 'signed-file',
      version: { major: 1, minor: 0 },
      headerLength: bytes.length - 4,
      signerVersion: undefined,
      signer: { name: 'CN=a', serial: Uint8Array.of(1, 2), issuer: 'CN=ca' },
      digestCode: 1,
      signatureAlgorithmCode: 0,
      modulusCode: 1,
      fileName: 'Ringlist.xml.sgn',
      timestamp: 0x6b010203,
      paddingBytes: 0,
      encryption: undefined,
    });
    expect(value.items.map(({ tag, depth }) => [tag, depth])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 1],
      [5, 1],
      [6, 1],
      [7, 0],
      [8, 1],
      [9, 1],
      [10, 2],
      [11, 2],
      [12, 0],
      [14, 0],
      [15, 0],
    ]);
    for (const item of value.items) {
      expect(bytes[item.offset]).toBe(item.tag);
      expect(bytes.subarray(item.offset + 3, item.offset + 3 + item.length)).toEqual(item.value);
    }
  });

  it('takes the items of the header and of each container in any order (formats.md §1)', () => {
    const swap = tlv(3, [...tlv(6, text('CN=ca')), ...tlv(4, text('CN=a')), ...tlv(5, [1, 2])]);
    const algorithms = tlv(7, [...tlv(9, [...tlv(11, [1]), ...tlv(10, [0])]), ...tlv(8, [1])]);
    const parts = [
      ...Object.values({ ...headerParts(), signerInfo: swap, signatureInfo: algorithms }),
      tlv(28, [1, 1]),
      [0x0d],
    ];
    const plain = decode(header(Object.values(headerParts())));
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (order: Bytes[]) => {
        const bytes = header(order);
        const { items, signatureItem, headerLength, ...rest } = decode(bytes);
        const { items: _items, signatureItem: _at, headerLength: _length, ...wanted } = plain;
        expect(rest).toEqual({ ...wanted, signerVersion: { major: 1, minor: 1 }, paddingBytes: 1 });
        expect(items).toHaveLength(16);
        expect(headerLength).toBe(bytes.length);
        expect([...bytes.subarray(signatureItem.start, signatureItem.start + 3)]).toEqual([12, 0, 128]);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('reads a firmware manifest: version 1.1, no timestamp', () => {
    const { timestamp: _, ...parts } = { ...headerParts(), version: tlv(1, [1, 1]) };
    expect(decode(header(Object.values(parts)))).toMatchObject({ kind: 'firmware', timestamp: undefined });
  });

  it.each([
    ['newer minor with records', [1, 3], record([tlv(4, [0, 0])]), 'trust-list'],
    ['newer minor with text', [1, 9], [...Buffer.from('<x/>')], 'signed-file'],
    ['1.2', [1, 2], [], 'trust-list'],
    [
      '1.0 around a file that is signed itself',
      [1, 0],
      [...header(Object.values(headerParts()))],
      'signed-file',
    ],
  ] as const)('tells the kind by the version and what follows: %s', (_name, version, content, kind) => {
    const head = header(Object.values({ ...headerParts(), version: tlv(1, [...version]) }));
    expect(decode(Uint8Array.from([...head, ...content])).kind).toBe(kind);
  });

  it('takes 0 and 64 padding bytes (security.md §2)', () => {
    const parts = Object.values(headerParts());
    expect(decode(header(parts)).paddingBytes).toBe(0);
    expect(decode(header([...parts, fill(64, 0x0d)])).paddingBytes).toBe(64);
  });

  it('reads a signer name that is not UTF-8 as latin1', () => {
    const signerInfo = tlv(3, [
      ...tlv(4, [0x43, 0x4e, 0x3d, 0xe9, 0]),
      ...tlv(5, [1]),
      ...tlv(6, text('CN=é')),
    ]);
    const { signer } = decode(header(Object.values({ ...headerParts(), signerInfo })));
    expect(signer).toMatchObject({ name: 'CN=é', issuer: 'CN=é' });
  });

  it('keeps a leading 00 of a serial', () => {
    const signerInfo = tlv(3, [...tlv(4, text('a')), ...tlv(5, [0, 0x91]), ...tlv(6, text('b'))]);
    const { signer } = decode(header(Object.values({ ...headerParts(), signerInfo })));
    expect([...signer.serial]).toEqual([0, 0x91]);
  });

  it('reads a header from a prefix of the file', () => {
    const head = header(Object.values(headerParts()));
    const prefix = Uint8Array.from([...head, 60, 61]);
    expect(decode(prefix).headerLength).toBe(head.length);
  });
});

describe('looksSigned', () => {
  it('is true for what a header begins with, in any order behind VERSION', () => {
    const parts = headerParts();
    expect(looksSigned(header(Object.values(parts)))).toBe(true);
    expect(looksSigned(header([parts.version, parts.timestamp, parts.headerLength]))).toBe(true);
    expect(looksSigned(Uint8Array.from([...tlv(1, [2, 0]), 2]))).toBe(true);
  });

  it.each([
    ['nothing', []],
    ['xml', [...Buffer.from('<?xml version="1.0"?>')]],
    ['the version alone', tlv(1, [1, 0])],
    ['an unknown major version', [...tlv(1, [3, 0]), 2]],
    ['a record length', [...tlv(1, [4, 0x88]), 2]],
    ['an item that stands in a container', [...tlv(1, [1, 0]), 4]],
    ['ring tone samples', fill(64, 0xff)],
  ])('is false for %s', (_name, bytes) => {
    expect(looksSigned(Uint8Array.from(bytes))).toBe(false);
  });
});

describe('writing', () => {
  it('puts the items in the order of CUCM and pads to a multiple of 4', () => {
    const bytes = encodeSignedHeader(
      { ...fields, signerVersion: { major: 1, minor: 1 } },
      new Uint8Array(256),
    );
    const { items, headerLength, paddingBytes } = decode(bytes);
    expect(items.map(({ tag }) => tag).filter((tag) => tag !== 13)).toEqual([
      1, 2, 28, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15,
    ]);
    expect(headerLength % 4).toBe(0);
    expect(paddingBytes).toBeLessThan(4);
    expect(bytes.subarray(bytes.length - paddingBytes).every((byte) => byte === 0x0d)).toBe(true);
  });

  it('signs everything but the SIGNATURE item: layout and toBeSigned cut alike', () => {
    const signature = Uint8Array.from(fill(256, 0x5a));
    const layout = layoutSignedHeader({ ...fields, signatureBytes: 256 });
    const content = Uint8Array.from(Buffer.from('<content/>'));
    const file = concatBytes(placeSignature(layout, signature), content);
    const signed = concatBytes(...toBeSigned(file, decode(file)));
    expect(equalBytes(signed, concatBytes(layout.before, layout.after, content))).toBe(true);
    expect(signed.length).toBe(file.length - 3 - 256);
  });

  it('reads back what it wrote, whatever the fields', () => {
    const version = fc.record({ major: fc.constant(1), minor: fc.nat({ max: 255 }) });
    const name = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((value) => !value.includes('\0'));
    const arbitrary = fc.record({
      version,
      signerVersion: fc.option(fc.record({ major: fc.nat(255), minor: fc.nat(255) }), { nil: undefined }),
      signer: fc.record({ name, serial: fc.uint8Array({ maxLength: 32 }), issuer: name }),
      digestCode: fc.nat(255),
      signatureAlgorithmCode: fc.nat(255),
      modulusCode: fc.nat(255),
      fileName: name,
      timestamp: fc.option(fc.nat(0xffffffff), { nil: undefined }),
    });
    fc.assert(
      fc.property(arbitrary, fc.uint8Array({ maxLength: 512 }), (wanted, signature) => {
        const value = decode(encodeSignedHeader(wanted, signature));
        expect(value).toMatchObject({ ...wanted, signature });
        expect(value.headerLength % 4).toBe(0);
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});

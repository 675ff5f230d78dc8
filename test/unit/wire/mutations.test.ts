/** Whatever a wire or a disk does to a file, decoding gives a value or a known error and never an exception. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/base/bytes.ts';
import type { Outcome } from '../../../src/base/outcome.ts';
import { decodeEncryptedFile } from '../../../src/wire/encrypted-file.ts';
import { formatRules, type FormatError } from '../../../src/wire/format-error.ts';
import { decodeSignedFile } from '../../../src/wire/signed-file.ts';
import { decodeTrustList } from '../../../src/wire/trust-list.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';
import { list, record, tlv } from '../../helpers/hand-tlv.ts';

type Decode = (bytes: Uint8Array) => Outcome<unknown, FormatError>;

const cases: readonly { readonly name: string; readonly original: Uint8Array; readonly decode: Decode }[] = [
  {
    name: 'Ringlist-sha1.xml.sgn',
    original: openToolFile('Ringlist-sha1.xml.sgn'),
    decode: decodeSignedFile,
  },
  { name: 'ITL-sha1.tlv', original: openToolFile('ITL-sha1.tlv'), decode: decodeTrustList },
  {
    name: 'SEP001122334455.cnf.xml.enc.sgn',
    original: openToolFile('enc1/SEP001122334455.cnf.xml.enc.sgn'),
    decode: decodeEncryptedFile,
  },
  { name: 'a small list', original: list(record([tlv(4, [0, 0])])), decode: decodeTrustList },
];

/** An error is one of ours and points into the file. */
function isJudged(bytes: Uint8Array, decode: Decode): boolean {
  const decoded = decode(bytes);
  if (decoded.ok) return true;
  const { code, offset } = decoded.error;
  return code in formatRules && offset >= 0 && offset <= bytes.length;
}

describe.each(cases)('$name', ({ original, decode }) => {
  it('is judged when it is cut at any length', () => {
    const lengths = Array.from({ length: original.length }, (_, length) => length);
    expect(lengths.filter((length) => !isJudged(original.subarray(0, length), decode))).toEqual([]);
  });

  it('is judged with every byte of its first 600 set to 0, 1, 0x0d, 0x7f, 0x80 and 0xff', () => {
    const unjudged: string[] = [];
    for (let at = 0; at < Math.min(600, original.length); at++) {
      for (const value of [0, 1, 0x0d, 0x7f, 0x80, 0xff]) {
        const mutant = original.slice();
        mutant[at] = value;
        if (!isJudged(mutant, decode)) unjudged.push(`byte ${at} = ${value}`);
      }
    }
    expect(unjudged).toEqual([]);
  });

  it('is judged with pieces cut out, repeated, and overwritten', () => {
    const place = fc.nat(original.length);
    const mutation = fc.record({ from: place, to: place, insert: fc.uint8Array({ maxLength: 40 }) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const mutant = mutations.reduce(
          (bytes, { from, to, insert }) => concatBytes(bytes.subarray(0, from), insert, bytes.subarray(to)),
          original,
        );
        expect(isJudged(mutant, decode)).toBe(true);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

it('any bytes at all are judged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { decode } of cases) expect(isJudged(bytes, decode)).toBe(true);
    }),
    { numRuns: 500, seed: 8 },
  );
});

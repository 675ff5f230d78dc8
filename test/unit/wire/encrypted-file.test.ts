import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/base/bytes.ts';
import { blockBytes, decodeEncryptedFile, fillBlock, unfillBlock } from '../../../src/wire/encrypted-file.ts';
import { encodeSignedHeader } from '../../../src/wire/signed-header.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const names = ['enc1', 'enc512'].map((folder) => `${folder}/SEP001122334455.cnf.xml.enc.sgn`);

function decode(bytes: Uint8Array) {
  const decoded = decodeEncryptedFile(bytes);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

describe('the items of an encrypted file (formats.md §2)', () => {
  it.each(names)(
    '%s: written again they differ from the original only in the order of SIGNER INFO',
    (name) => {
      const original = openToolFile(name);
      const { header } = decode(original);
      const again = encodeSignedHeader({ ...header, fileName: header.fileName ?? '' }, header.signature);
      expect(again).toHaveLength(header.headerLength);
      // The tool writes 4, 6, 5 where CUCM and we write 4, 5, 6; everything behind is byte for byte the same.
      const behind = header.items.find((item) => item.name === 'SIGNATURE INFO')?.offset ?? 0;
      expect(again.subarray(behind)).toEqual(original.subarray(behind, header.headerLength));
    },
  );

  it('reads back what was written', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const encryption = fc.record({
      iv: bytes(16),
      paddingLength: fc.integer({ min: 1, max: 16 }),
      keyBits: fc.constantFrom(1024, 2048, 4096),
      wrappedKey: fc.oneof(bytes(128), bytes(256), bytes(512)),
      contentDigestCode: fc.constantFrom(1, 3),
      contentDigest: fc.oneof(bytes(20), bytes(64)),
    });
    const { header } = decode(openToolFile(names[0] ?? ''));
    fc.assert(
      fc.property(encryption, fc.uint8Array({ maxLength: 64 }), (wanted, ciphertext) => {
        const head = encodeSignedHeader({ ...header, fileName: 'a', encryption: wanted }, header.signature);
        const read = decode(concatBytes(head, ciphertext));
        expect(read.encryption).toEqual(wanted);
        expect(read.ciphertext).toEqual(ciphertext);
      }),
      { numRuns: 50, seed: 5 },
    );
  });
});

describe('the fill of the last block', () => {
  it('is 1 to 16 bytes of 0x0d and comes off again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (plain) => {
        const { filled, paddingLength } = fillBlock(plain);
        expect(filled.length % blockBytes).toBe(0);
        expect(paddingLength).toBe(filled.length - plain.length);
        expect(paddingLength).toBeGreaterThanOrEqual(1);
        expect(unfillBlock(filled, paddingLength)).toEqual(plain);
      }),
      { numRuns: 100, seed: 6 },
    );
  });

  it.each([
    ['none', 0],
    ['more than a block', 17],
    ['one too many, so that it meets content', 4],
  ])('is refused when the header says %s', (_name, paddingLength) => {
    const { filled } = fillBlock(Uint8Array.from(Buffer.from('thirteen byte')));
    expect(unfillBlock(filled, paddingLength)).toBeUndefined();
  });
});

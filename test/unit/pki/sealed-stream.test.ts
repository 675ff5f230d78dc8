import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/base/bytes.ts';
import { backupPieceBytes } from '../../../src/base/limits.ts';
import { createSealer, createUnsealer, sealedHeaderBytes } from '../../../src/pki/sealed-stream.ts';

const sealer = createSealer('correct horse');
const first = Uint8Array.from(Buffer.alloc(backupPieceBytes, 'a'));
const pieces = [sealer.seal(first, false), sealer.seal(first, false), sealer.seal(Uint8Array.of(1, 2), true)];
const [one = first, two = first, three = first] = pieces;
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] ?? 0) ^ 1);
const open = (sealed: readonly (readonly [Uint8Array, boolean])[], header = sealer.header): Uint8Array => {
  const unsealer = createUnsealer(header, 'correct horse');
  return concatBytes(...sealed.map(([piece, isLast]) => unsealer.open(piece, isLast)));
};
const whole = [
  [one, false],
  [two, false],
  [three, true],
] as const;

describe('a sealed stream', () => {
  it('opens to what was sealed, and equal pieces do not look equal', () => {
    expect(open(whole)).toEqual(concatBytes(first, first, Uint8Array.of(1, 2)));
    expect(one).not.toEqual(two);
  });

  it.each<[string, readonly (readonly [Uint8Array, boolean])[], string]>([
    ['a changed bit', [[flipped(one, 100), false]], 'passphrase-wrong'],
    ['a changed tag', [whole[0], [flipped(two, two.length - 1), false]], 'format'],
    ['two pieces that changed places', [whole[0], [three, false]], 'format'],
    ['a piece left out', [whole[0], [three, true]], 'format'],
    ['an end that was cut off', [whole[0], [two, true]], 'format'],
    ['bytes behind the end', [...whole, [one, false]], 'format'],
    ['less than a tag', [whole[0], [Uint8Array.of(1), true]], 'format'],
  ])('refuses %s', (_, sealed, code) => {
    expect(() => open(sealed)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('refuses a header that is none, of a later version, or that asks for a day of work', () => {
    const { header } = sealer;
    const refusal = (changed: Uint8Array): unknown => {
      try {
        createUnsealer(changed, 'x');
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(refusal(header.slice(1))).toMatchObject({ code: 'format' });
    expect(refusal(new Uint8Array(sealedHeaderBytes))).toMatchObject({ code: 'format' });
    expect(refusal(header.with(16, 2))).toMatchObject({ code: 'refused' });
    expect(refusal(header.with(17, 0xff))).toMatchObject({ code: 'refused' });
  });

  it('refuses another passphrase, and a salt that was exchanged', () => {
    expect(() => createUnsealer(sealer.header, 'wrong').open(one, false)).toThrow(/does not open/);
    expect(() => open(whole, flipped(sealer.header, sealedHeaderBytes - 1))).toThrow(/does not open/);
  });
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { TvsFramer } from '../../../../src/core/tvs/framer.ts';
import { tvsMessageBytesMax } from '../../../../src/base/limits-tvs.ts';
import { encodeTvsMessage, type TvsMessage } from '../../../../src/wire/tvs-message.ts';

const messages: readonly TvsMessage[] = [
  { command: 'verify-request', session: 1, device: 'a', certificate: Uint8Array.of(1, 2, 3) },
  { command: 'query-response', session: 2, vouched: undefined },
  {
    command: 'query-request',
    session: 3,
    device: 'b',
    subject: 'CN=s',
    issuer: 'CN=i',
    serial: Uint8Array.of(9),
  },
];

function take(framer: TvsFramer): TvsMessage[] {
  const found: TvsMessage[] = [];
  for (;;) {
    const next = framer.next();
    if (!next.ok) throw new Error(next.error.message);
    if (next.value === undefined) return found;
    found.push(next.value);
  }
}

it('gives the messages however the network cut their bytes, and holds no more than one', () => {
  const bytes = Buffer.concat(messages.map(encodeTvsMessage));
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
      const framer = new TvsFramer();
      const found: TvsMessage[] = [];
      let at = 0;
      for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
        framer.push(Uint8Array.from(bytes.subarray(at, cut)));
        at = cut;
        found.push(...take(framer));
        expect(framer.heldBytes).toBeLessThan(tvsMessageBytesMax);
      }
      expect(found).toEqual(messages);
      expect(framer.heldBytes).toBe(0);
    }),
    { numRuns: 200, seed: 3 },
  );
});

it.each([
  ['no message', [0x16, 3, 1], 'not-a-frame'],
  [
    'one that would be too long, by its head alone',
    [0x57, 1, 3, 0, 0, 0, 0, 0, 0xff, 0xff],
    'frame-too-long',
  ],
  ['a body that is none', [0x57, 1, 3, 0, 0, 0, 0, 0, 0, 1, 7], 'element-cut'],
])('refuses %s', (_name, bytes, code) => {
  const framer = new TvsFramer();
  framer.push(Uint8Array.from(bytes));
  expect(framer.next()).toMatchObject({ ok: false, error: { code } });
});

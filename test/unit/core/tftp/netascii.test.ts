import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeNetascii, encodeNetascii, netasciiLength } from '../../../../src/core/tftp/netascii.ts';

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

test.each([
  ['a\nb', 'a\r\nb'],
  ['a\rb', 'a\r\0b'],
  ['\r\n', '\r\0\r\n'],
  ['\n\n', '\r\n\r\n'],
  ['\r', '\r\0'],
  ['', ''],
  ['\0', '\0'],
])('%j travels as %j', (text, wire) => {
  expect(encodeNetascii(latin1(text))).toEqual(latin1(wire));
  expect(decodeNetascii(latin1(wire))).toEqual(latin1(text));
});

test.each([
  ['a\r', 'a\r'], // cut off
  ['a\rb', 'a\rb'], // neither LF nor NUL behind CR
  ['\r\r\n', '\r\n'],
])('a sender that writes %j is read as %j', (wire, text) => {
  expect(decodeNetascii(latin1(wire))).toEqual(latin1(text));
});

test('any bytes come back, and their length is known before', () => {
  const byte = fc.oneof(fc.constantFrom(0, 10, 13), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 100 }), (array) => {
      const bytes = Uint8Array.from(array);
      const wire = encodeNetascii(bytes);
      expect(wire.length).toBe(netasciiLength(bytes));
      expect(decodeNetascii(wire)).toEqual(bytes);
    }),
    { seed: 764, numRuns: 500 },
  );
});

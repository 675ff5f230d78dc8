import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/base/text.ts';
import {
  decodePacket,
  encodeAck,
  encodeData,
  encodeError,
  encodeOack,
  encodeRequest,
  judgeHeader,
} from '../../../src/wire/tftp-packet.ts';
import { optionName, optionNumber } from '../../../src/wire/tftp-option.ts';

const seed = { seed: 1350, numRuns: 500 };

describe('TFTP packets', () => {
  test('the bytes of RFC 1350 §5 and RFC 2347', () => {
    expect(encodeAck(0x1234)).toEqual(fromHex('00041234'));
    expect(encodeData(65_535, Uint8Array.of(7))).toEqual(fromHex('0003ffff07'));
    expect(encodeError({ code: 1, text: 'no' })).toEqual(fromHex('000500016e6f00'));
    expect(encodeOack([{ name: 'blksize', value: '8' }])).toEqual(fromHex('0006626c6b73697a65003800'));
    expect(encodeRequest({ kind: 'rrq', name: 'é', mode: 'octet', options: [] })).toEqual(
      fromHex('0001c3a9006f6374657400'),
    );
  });

  // A museum of hostile bytes: what lies, and the verdict.
  test.each([
    ['', 'short'],
    ['00', 'short'],
    ['000161', 'short'],
    ['01046100', 'opcode'], // the first opcode byte counts too
    ['00006100', 'opcode'],
    ['00076100', 'opcode'],
    ['0004000100', 'length'], // an ACK has no fifth byte
    ['00016100', 'unterminated'], // no mode
    ['000161006f63746574', 'unterminated'], // mode without NUL
    ['000161006f6374657400ff', 'unterminated'], // a byte behind the last NUL
    ['0001006f6374657400', 'empty-name'],
    ['0001c0af006f6374657400', 'name-encoding'], // overlong "/"
    ['000161006f637465740078', 'unterminated'],
    ['000161006f63746574007800', 'option-pair'], // a name without a value
    ['000161006f63746574000000', 'option-pair'], // an empty option name
    ['00067800', 'option-pair'],
    ['00067838', 'unterminated'],
  ])('%s is refused: %s', (hex, reason) => {
    expect(decodePacket(fromHex(hex) ?? new Uint8Array(0))).toEqual({ ok: false, error: reason });
  });

  test('requests above 512 bytes are refused by their header alone', () => {
    const request = encodeRequest({ kind: 'rrq', name: 'a'.repeat(503), mode: 'octet', options: [] });
    expect(request.length).toBe(512);
    expect(judgeHeader(request)).toBe(1);
    expect(judgeHeader(new Uint8Array([...request, 0]))).toBe('length');
  });

  test('an ERROR without its NUL is read, its text bounded', () => {
    const bytes = new Uint8Array(60_000).fill(0x41);
    bytes.set([0, 5, 0, 9]);
    const packet = decodePacket(bytes);
    expect(packet.ok && packet.value.kind === 'error' && packet.value.text.length).toBe(256);
  });

  test('what is encoded decodes to itself', () => {
    const text = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).filter((one) => !one.includes('\0'));
    const options = fc.array(fc.record({ name: text.filter((name) => name !== ''), value: text }), {
      maxLength: 4,
    });
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((one) => !one.includes('\0'));
    const request = fc.record({
      kind: fc.constantFrom('rrq' as const, 'wrq' as const),
      name,
      mode: text.map((mode) => mode.toLowerCase()),
      options,
    });
    fc.assert(
      fc.property(request, (value) => {
        const bytes = encodeRequest(value);
        fc.pre(bytes.length >= 4 && bytes.length <= 512);
        expect(decodePacket(bytes)).toEqual({ ok: true, value });
      }),
      seed,
    );
  });

  test('no bytes make the decoder throw', () => {
    const bytes = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 600 }));
    fc.assert(
      fc.property(bytes, ([second, rest]) => {
        expect(typeof decodePacket(new Uint8Array([0, second, ...rest])).ok).toBe('boolean');
      }),
      seed,
    );
  });
});

describe('TFTP options', () => {
  test('names are case-insensitive, unknown ones are none', () => {
    expect(optionName('BLKsize')).toBe('blksize');
    expect(optionName('multicast')).toBeUndefined();
    expect(optionName('blksize ')).toBeUndefined();
  });

  test.each(['', ' 8', '8 ', '+8', '-8', '0x8', '8.0', '1e3', '٣', '9'.repeat(16)])(
    '"%s" is no number',
    (text) => {
      expect(optionNumber(text)).toBeUndefined();
    },
  );

  test('leading zeros are decimal', () => {
    expect(optionNumber('0512')).toBe(512);
  });
});

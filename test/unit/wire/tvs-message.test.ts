/** TVS messages (formats.md §4) against the printed bytes of Cisco technote 213407, and against liars. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/base/bytes.ts';
import { certificateBytesMax } from '../../../src/base/limits.ts';
import { tvsNameBytesMax, tvsSerialBytesMax } from '../../../src/base/limits-tvs.ts';
import { fromHex } from '../../../src/base/text.ts';
import { roles } from '../../../src/wire/role.ts';
import {
  decodeTvsHead,
  decodeTvsMessage,
  encodeTvsMessage,
  tvsRules,
  type QueryRequest,
  type TvsMessage,
} from '../../../src/wire/tvs-message.ts';
import { fill, text, tlv, type Bytes } from '../../helpers/hand-tlv.ts';

const technote = readFileSync(new URL('../../vectors/technotes/tvs-query.txt', import.meta.url), 'utf8');

function printed(name: string): Uint8Array {
  const bytes = fromHex(new RegExp(`^${name} ([0-9a-f]+)$`, 'm').exec(technote)?.[1] ?? '');
  if (bytes === undefined) throw new Error(name);
  return bytes;
}

function totalOf(name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(technote)?.[1]);
}

/** What the technote's phone asked; issuer and serial are inferred there, and their lengths close. */
const query: QueryRequest = {
  command: 'query-request',
  session: 1001,
  device: 'CP-8861-SEPB000B4BA0AEE',
  subject: 'CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU',
  issuer: 'CN=stormin-WIN2012-CA',
  serial: Uint8Array.from(Buffer.from('24000000179479b8f124ac3f3b000000000017', 'hex')),
};

describe('the exchange of technote 213407', () => {
  it('the heads parse as printed', () => {
    expect(decodeTvsHead(printed('REQ_HEX_VERBATIM'))).toEqual({
      ok: true,
      value: { command: 'query-request', session: 1001, bodyLength: 143 },
    });
    expect(decodeTvsHead(printed('RSP_HEX_VERBATIM'))).toEqual({
      ok: true,
      value: { command: 'query-response', session: 1001, bodyLength: 1470 },
    });
    // 8 of its 10 bytes are printed.
    const verify = concatBytes(printed('VERIFY_REQ_HEX_VERBATIM'), Uint8Array.of(0x03, 0xb6));
    expect(decodeTvsHead(verify)).toEqual({
      ok: true,
      value: { command: 'verify-request', session: 1002, bodyLength: 950 },
    });
  });

  it('the question, written by us, is its 50 printed bytes and has its length', () => {
    const written = encodeTvsMessage(query);
    const verbatim = printed('REQ_HEX_VERBATIM');
    expect(verbatim).toHaveLength(50);
    expect(written.subarray(0, 50)).toEqual(verbatim);
    expect(written).toHaveLength(totalOf('REQ_TOTAL_LEN'));
    expect(decodeTvsMessage(written)).toEqual({ ok: true, value: query });
  });

  it('our answer has the same frame and length, but for the byte that CUCM does not initialise', () => {
    const verbatim = printed('RSP_HEX_VERBATIM');
    const begun = verbatim.subarray(17);
    const certificate = concatBytes(begun, new Uint8Array(1451 - begun.length));
    const vouched = { certificate, roles: ['SAST', 'TFTP'] as const, ttlSeconds: 86_400 };
    const written = encodeTvsMessage({ command: 'query-response', session: 1001, vouched });
    expect(written).toHaveLength(totalOf('RSP_TOTAL_LEN'));
    const same = written.slice(0, 50);
    same[3] = verbatim[3] ?? 0;
    expect(same).toEqual(verbatim);
    expect(Buffer.from(written.subarray(-12)).toString('hex')).toBe('080002000309000400015180');
  });

  it('an uninitialised fourth byte is read over', () => {
    const bytes = encodeTvsMessage(query);
    bytes[3] = 0xf7;
    expect(decodeTvsMessage(bytes)).toEqual({ ok: true, value: query });
  });
});

/** A whole message with a true length unless told otherwise. */
function message(command: number, elements: readonly Bytes[], bodyLength?: number): Uint8Array {
  const body = elements.flat();
  const length = bodyLength ?? body.length;
  return Uint8Array.from([0x57, 1, command, 0, 0, 0, 3, 0xe9, length >> 8, length & 0xff, ...body]);
}

const device = tlv(1, [1, ...Buffer.from('SEP001122334455')]);
const asked = [device, tlv(3, text('CN=a')), tlv(4, text('CN=ca')), tlv(5, [1, 2])] as const;
const told = [tlv(7, [0]), tlv(2, [0x30]), tlv(8, [0, 3]), tlv(9, [0, 1, 0x51, 0x80])] as const;

/** Each with one comment's worth of name on the byte that lies. */
const museum: readonly (readonly [lie: string, code: keyof typeof tvsRules, bytes: Uint8Array])[] = [
  ['nothing at all', 'frame-cut', new Uint8Array()],
  ['a head of 9 bytes', 'frame-cut', message(3, asked).subarray(0, 9)],
  ['the mark of CAPF, 0x55', 'not-a-frame', Uint8Array.of(0x55, ...message(3, asked).subarray(1))],
  ['version 2', 'frame-version', Uint8Array.of(0x57, 2, ...message(3, asked).subarray(2))],
  ['command 0', 'frame-command', message(0, asked)],
  ['command 5', 'frame-command', message(5, asked)],
  ['a body that ends early', 'frame-length', message(3, asked, 200)],
  ['a byte behind the body', 'frame-length', Uint8Array.of(...message(3, asked), 0)],
  ['a body of 64 KiB', 'frame-too-long', message(3, asked, 0xffff)],
  ['an element longer than the body', 'element-cut', message(3, [...asked.slice(0, 3), tlv(5, [1], 9)])],
  ['half the head of an element', 'element-cut', message(3, [...asked, [5, 0]])],
  ['element 6, which nobody has seen', 'element-unknown', message(3, [...asked, tlv(6, [1])])],
  ['two serials', 'element-repeated', message(3, [...asked, tlv(5, [9])])],
  ['a query without serial', 'element-missing', message(3, asked.slice(0, 3))],
  ['a query without anything', 'element-missing', message(3, [])],
  ['a certificate in a query', 'element-misplaced', message(3, [...asked, tlv(2, [0x30])])],
  ['a status in a question', 'element-misplaced', message(1, [device, tlv(2, [0x30]), tlv(7, [0])])],
  ['a certificate in the answer to a verify', 'element-misplaced', message(2, told)],
  ['a serial of no bytes', 'element-length', message(3, [...asked.slice(0, 3), tlv(5, [])])],
  ['a serial as long as a novel', 'element-length', message(3, [tlv(5, fill(tvsSerialBytesMax + 1))])],
  ['an issuer as long as a novel', 'element-length', message(3, [tlv(4, fill(tvsNameBytesMax + 1))])],
  [
    'a certificate of a megabyte, nearly',
    'element-length',
    message(1, [tlv(2, fill(certificateBytesMax + 1))]),
  ],
  ['a TTL of 2 bytes', 'element-length', message(2, [tlv(7, [0]), tlv(8, [0]), tlv(9, [0, 1])])],
  ['an issuer without NUL', 'element-text', message(3, [device, asked[1], tlv(4, [0x43]), asked[3]])],
  [
    'a subject with NUL inside',
    'element-text',
    message(3, [device, tlv(3, text('a\0b')), asked[2], asked[3]]),
  ],
  ['a device name that moves the cursor', 'element-text', message(3, [tlv(1, [1, 0x1b]), ...asked.slice(1)])],
  ['a device name of another kind', 'device-kind', message(3, [tlv(1, [2, 0x53]), ...asked.slice(1)])],
  ['status 2', 'status-unknown', message(4, [tlv(7, [2]), ...told.slice(1)])],
  ['role 5', 'role-unknown', message(4, [told[0], told[1], tlv(8, [5]), told[3]])],
  ['a valid answer without certificate', 'element-missing', message(4, [told[0], told[2], told[3]])],
];

describe('a museum of hostile messages', () => {
  it.each(museum)('%s: %s', (_lie, code, bytes) => {
    const decoded = decodeTvsMessage(bytes);
    expect(decoded).toMatchObject({ ok: false, error: { code } });
  });

  it('has every rule', () => {
    expect(new Set(museum.map(([, code]) => code))).toEqual(new Set(Object.keys(tvsRules)));
  });

  it('and the page that explains the format names each as the code does', () => {
    const page = readFileSync(new URL('../../../docs/formats/tvs.md', import.meta.url), 'utf8');
    const rows = Object.entries(tvsRules).map(([code, rule]) => `| \`${code}\` | ${rule} |`);
    expect(rows.filter((line) => !page.includes(line))).toEqual([]);
  });

  it('the same elements without a lie are read, in any order', () => {
    expect(decodeTvsMessage(message(3, asked)).ok).toBe(true);
    expect(decodeTvsMessage(message(3, asked.toReversed()))).toEqual(decodeTvsMessage(message(3, asked)));
    expect(decodeTvsMessage(message(4, told)).ok).toBe(true);
  });
});

const bytesUpTo = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength });
const name = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((words) => !words.includes('\0'));
const session = fc.nat(0xffff_ffff);
const deviceName = fc.string({ unit: 'grapheme-ascii', maxLength: 40 });
const said = { roles: fc.subarray([...roles]), ttlSeconds: fc.nat(0xffff_ffff) };
const anyMessage: fc.Arbitrary<TvsMessage> = fc.oneof(
  fc.record({
    command: fc.constant('verify-request' as const),
    session,
    device: deviceName,
    certificate: bytesUpTo(60),
  }),
  fc.record({
    command: fc.constant('query-request' as const),
    session,
    device: deviceName,
    subject: name,
    issuer: name,
    serial: bytesUpTo(tvsSerialBytesMax),
  }),
  fc.record({
    command: fc.constant('verify-response' as const),
    session,
    vouched: fc.option(fc.record(said), { nil: undefined }),
  }),
  fc.record({
    command: fc.constant('query-response' as const),
    session,
    vouched: fc.option(fc.record({ certificate: bytesUpTo(60), ...said }), { nil: undefined }),
  }),
);

describe('every message', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyMessage, (wanted) => {
        expect(decodeTvsMessage(encodeTvsMessage(wanted))).toEqual({ ok: true, value: wanted });
      }),
      { numRuns: 200, seed: 61 },
    );
  });

  it('is judged, whatever became of its bytes', () => {
    const isJudged = (bytes: Uint8Array): boolean => {
      const decoded = decodeTvsMessage(bytes);
      return decoded.ok || (decoded.error.code in tvsRules && decoded.error.offset <= bytes.length + 10);
    };
    fc.assert(
      fc.property(
        anyMessage,
        fc.nat(),
        fc.nat(),
        fc.uint8Array({ maxLength: 8 }),
        (wanted, from, to, put) => {
          const bytes = encodeTvsMessage(wanted);
          const [a, b] = [from % (bytes.length + 1), to % (bytes.length + 1)];
          expect(isJudged(concatBytes(bytes.subarray(0, a), put, bytes.subarray(b)))).toBe(true);
          expect(isJudged(put)).toBe(true);
        },
      ),
      { numRuns: 300, seed: 62 },
    );
    const whole = encodeTvsMessage(query);
    const cuts = Array.from({ length: whole.length }, (_, length) =>
      decodeTvsMessage(whole.subarray(0, length)),
    );
    expect(cuts.some(({ ok }) => ok)).toBe(false);
  });
});

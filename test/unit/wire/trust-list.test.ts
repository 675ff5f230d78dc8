import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOfRole, roles } from '../../../src/wire/role.ts';
import { encodeSignedHeader } from '../../../src/wire/signed-header.ts';
import {
  decodeTrustList,
  encodeTrustList,
  repeatedRecord,
  type TrustList,
} from '../../../src/wire/trust-list.ts';
import {
  decodeTrustRecord,
  encodeTrustRecord,
  type TrustRecordFields,
} from '../../../src/wire/trust-record.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';
import { fill, list, record, text, tlv } from '../../helpers/hand-tlv.ts';

const technotes = readFileSync(
  new URL('../../vectors/technotes/show-ctl-lengths.txt', import.meta.url),
  'utf8',
);

function decode(bytes: Uint8Array): TrustList {
  const decoded = decodeTrustList(bytes);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

function encode(fields: TrustRecordFields): Uint8Array {
  const bytes = encodeTrustRecord(fields);
  if (bytes === undefined) throw new Error('the record is too long');
  return bytes;
}

const role = tlv(4, [0, 2]);

describe('lengths of the technotes recompute (formats.md §3)', () => {
  const rows = [...technotes.matchAll(/^RECORD ([\d -]+) -> (\d+)/gm)].map((row) => ({
    items: (row[1] ?? '').trim().split(/\s+/),
    length: Number(row[2]),
  }));
  const files = [...technotes.matchAll(/^FILE (\d+) ([\d ]+) -> (\d+)/gm)].map((row) => ({
    header: Number(row[1]),
    records: (row[2] ?? '').trim().split(/\s+/).map(Number),
    length: Number(row[3]),
  }));

  /** dns subject function issuer serial pubkey signature cert ip, `-` for an absent item. */
  function recordOf(items: readonly string[]): Uint8Array {
    const name = (at: number) => (items[at] === '-' ? undefined : 'x'.repeat(Number(items[at]) - 1));
    const raw = (at: number) => (items[at] === '-' ? undefined : new Uint8Array(Number(items[at])));
    return encode({
      role: 'CCM+TFTP',
      dnsName: name(0),
      subject: name(1),
      issuer: name(3),
      serial: raw(4),
      publicKey: raw(5),
      signature: raw(6),
      certificateDer: raw(7),
      ipAddress: raw(8),
    });
  }

  it('has seven records and three files', () => {
    expect([rows.length, files.length]).toEqual([7, 3]);
  });

  it.each(rows)('record $items is $length bytes', ({ items, length }) => {
    const bytes = recordOf(items);
    expect(bytes).toHaveLength(length);
    expect(decodeTrustRecord(bytes, 0)).toMatchObject({ ok: true, value: { length, offset: 0 } });
  });

  it.each(files)(
    'a header of $header and records of $records are $length bytes',
    ({ header, records, length }) => {
      const signature = header === 464 ? 256 : 128;
      const name = { 336: 62, 304: 56, 464: 62 }[header] ?? 0;
      const issuer = { 336: 62, 304: 42, 464: 62 }[header] ?? 0;
      const head = encodeSignedHeader(
        {
          version: { major: 1, minor: 2 },
          signer: {
            name: 'n'.repeat(name - 1),
            serial: new Uint8Array(header === 304 ? 10 : 16),
            issuer: 'i'.repeat(issuer - 1),
          },
          digestCode: 1,
          signatureAlgorithmCode: 0,
          modulusCode: signature === 256 ? 2 : 1,
          fileName: 'CTLFile.tlv',
          timestamp: 1,
        },
        new Uint8Array(signature),
      );
      const rebuilt = records.map((wanted) =>
        recordOf(rows.find((row) => row.length === wanted)?.items ?? []),
      );
      const bytes = encodeTrustList(head, rebuilt);
      expect(bytes).toHaveLength(length);
      expect(decode(bytes).records.map((each) => each.length)).toEqual(records);
    },
  );
});

describe('reading', () => {
  it.each(['ITL-sha1', 'ITL-sha512', 'CTL-sha1', 'CTL-sha512'])(
    '%s: each record written again has the same length and says the same',
    (name) => {
      for (const { items: _items, offset: _offset, length, ...fields } of decode(openToolFile(`${name}.tlv`))
        .records) {
        const again = decodeTrustRecord(encode(fields), 0);
        expect(again).toMatchObject({ ok: true, value: { ...fields, length } });
      }
    },
  );

  it('reads records without certificate, without signature, with an EC key, with an IPv6 address', () => {
    const bare = record([tlv(2, text('10.48.47.153')), role, tlv(10, [10, 48, 47, 153])]);
    const ec = record([role, tlv(7, [4, ...fill(64)]), tlv(9, fill(300)), tlv(10, fill(16))]);
    const { records } = decode(list(bare, ec, record([role])));
    expect(bare).toHaveLength(33);
    expect(records.map(({ length, signature }) => [length, signature])).toEqual([
      [33, undefined],
      [5 + 5 + 68 + 303 + 19, undefined],
      [10, undefined],
    ]);
    expect(records[0]).toMatchObject({
      dnsName: '10.48.47.153',
      role: 'CCM+TFTP',
      certificateDer: undefined,
    });
    expect(records[1]?.ipAddress).toHaveLength(16);
  });

  it('reads a DNS NAME that is only its NUL, and certificate hashes', () => {
    const odd = record([tlv(2, [0]), role, tlv(11, fill(20)), tlv(12, [1])]);
    expect(decode(list(odd)).records[0]).toMatchObject({
      dnsName: '',
      certificateHash: Uint8Array.from(fill(20)),
      certificateHashAlgorithm: Uint8Array.of(1),
    });
  });

  it('takes the items of a record in any order', () => {
    const items = [tlv(2, text('h')), tlv(3, text('s')), role, tlv(5, text('i')), tlv(6, [9]), tlv(9, [1])];
    fc.assert(
      fc.property(fc.shuffledSubarray(items, { minLength: items.length }), (order) => {
        expect(decode(list(record(order))).records[0]).toMatchObject({
          dnsName: 'h',
          subject: 's',
          role: 'CCM+TFTP',
          issuer: 'i',
          serial: Uint8Array.of(9),
          certificateDer: Uint8Array.of(1),
        });
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it.each(roles)('knows the role %s', (name) => {
    const bytes = list(record([tlv(4, [0, codeOfRole(name)])]));
    expect(decode(bytes).records[0]?.role).toBe(name);
  });

  it('reads back what it wrote, whatever the records', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((value) => !value.includes('\0'));
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const raw = fc.uint8Array({ maxLength: 300 });
    const one = fc.record({
      role: fc.constantFrom(...roles),
      dnsName: maybe(word),
      subject: maybe(word),
      issuer: maybe(word),
      serial: maybe(raw),
      publicKey: maybe(raw),
      signature: maybe(raw),
      certificateDer: maybe(raw),
      ipAddress: maybe(fc.oneof(...[4, 16].map((n) => fc.uint8Array({ minLength: n, maxLength: n })))),
      certificateHash: maybe(raw),
      certificateHashAlgorithm: maybe(raw),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), (records) => {
        const { records: read } = decode(encodeTrustList(list(), records.map(encode)));
        expect(read).toMatchObject(records);
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});

describe('repeatedRecord', () => {
  const certificate = tlv(9, fill(20));
  const repeated = (...records: number[][]) => {
    const bytes = list(...records);
    return repeatedRecord(decode(bytes), bytes)?.offset;
  };

  it('finds one certificate twice in one role, whatever else differs', () => {
    const first = [...record([role, certificate])];
    const second = [...record([certificate, tlv(2, text('other')), role])];
    expect(repeated(first, second)).toBe(list().length + first.length);
  });

  it('lets one certificate stand under two roles, and two bare records that differ', () => {
    expect(
      repeated([...record([role, certificate])], [...record([tlv(4, [0, 0]), certificate])]),
    ).toBeUndefined();
    expect(
      repeated([...record([role, tlv(10, [10, 0, 0, 1])])], [...record([role, tlv(10, [10, 0, 0, 2])])]),
    ).toBeUndefined();
  });
});

describe('limits', () => {
  it('takes a list of exactly 64 KB and none beyond (formats.md §3)', () => {
    const room = 65_536 - list().length;
    const size = (bytes: number) => record([role, tlv(9, fill(bytes - 13))]);
    const half = Math.floor(room / 2);
    expect(decodeTrustList(list(size(half), size(room - half)))).toMatchObject({ ok: true });
    expect(decodeTrustList(list(size(half), size(room - half + 1)))).toMatchObject({
      ok: false,
      error: { code: 'trust-list-too-long' },
    });
  });

  it('writes no record beyond the range of RECORD LENGTH', () => {
    expect(encodeTrustRecord({ role: 'SAST', certificateDer: new Uint8Array(0xffff - 13) })).toHaveLength(
      0xffff,
    );
    expect(encodeTrustRecord({ role: 'SAST', certificateDer: new Uint8Array(0xffff - 12) })).toBeUndefined();
  });
});

/**
 * A museum of hostile bytes: each exhibit is whole but for one lie, which its comment or name tells, and is
 * refused with its own code at the byte that lies. Every code of the codec has at least one exhibit.
 */
import { describe, expect, it } from 'vitest';
import { decodeEncryptedFile } from '../../../src/wire/encrypted-file.ts';
import { formatRules, type FormatCode } from '../../../src/wire/format-error.ts';
import { decodeSignedFile } from '../../../src/wire/signed-file.ts';
import { decodeTrustList } from '../../../src/wire/trust-list.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';
import { fill, header, headerParts, list, record, text, tlv, type Bytes } from '../../helpers/hand-tlv.ts';

interface Exhibit {
  readonly name: string;
  readonly code: FormatCode;
  readonly bytes: Uint8Array | readonly number[];
  /** Where the lie is; left out where it is the end of the file. */
  readonly offset?: number;
}

type Parts = Partial<Record<keyof ReturnType<typeof headerParts> | 'extra' | 'more', Bytes>>;

/** A whole header but for the named parts. */
function withParts(parts: Parts, length?: number): Uint8Array {
  return header(Object.values({ ...headerParts(), ...parts }), length);
}

function without(...names: (keyof ReturnType<typeof headerParts>)[]): Uint8Array {
  return withParts(Object.fromEntries(names.map((name) => [name, []])));
}

const whole = withParts({});
const signer = [tlv(4, text('CN=a')), tlv(5, [1, 2]), tlv(6, text('CN=ca'))];
const role = tlv(4, [0, 2]);
const head = list().length;

/** Byte at which an item of the whole header begins. */
const at = { issuer: 26, signatureInfo: 35, fileName: 184, timestamp: 204 };

// prettier-ignore
const headers: readonly Exhibit[] = [
  { name: 'an empty file', code: 'not-signed', bytes: [], offset: 0 },
  { name: 'a text file', code: 'not-signed', bytes: [...Buffer.from('<?xml?>')], offset: 0 },
  { name: 'an item that only stands in a container, first', code: 'not-signed', bytes: tlv(8, [1]), offset: 0 },
  { name: 'cut behind VERSION', code: 'header-cut', bytes: tlv(1, [1, 0]), offset: 5 },
  { name: 'cut inside the length of the second item', code: 'header-cut', bytes: [...tlv(1, [1, 0]), 2, 0], offset: 5 },
  { name: 'HEADER LENGTH 0', code: 'header-length-zero', bytes: withParts({ headerLength: tlv(2, [0, 0]) }, 0), offset: 8 },
  { name: 'HEADER LENGTH 9, of which 10 are read', code: 'header-length-short', bytes: withParts({}, 9), offset: 8 },
  { name: 'HEADER LENGTH one less: cuts TIMESTAMP', code: 'header-length-short', bytes: withParts({}, whole.length - 1), offset: at.timestamp },
  { name: 'HEADER LENGTH five less: cuts the head of TIMESTAMP', code: 'header-length-short', bytes: withParts({}, whole.length - 5), offset: at.timestamp },
  { name: 'HEADER LENGTH one more than the file', code: 'header-length-past-end', bytes: withParts({}, whole.length + 1), offset: 8 },
  { name: 'HEADER LENGTH 0xffff of a long file', code: 'header-too-long', bytes: [...withParts({}, 0xffff), ...fill(0xffff)], offset: 8 },
  { name: 'HEADER LENGTH nowhere in 16 KiB', code: 'header-too-long', bytes: [...tlv(1, [1, 0]), ...tlv(12, fill(0x4000))], offset: 16_392 },
  { name: 'HEADER LENGTH into the content', code: 'unknown-header-tag', bytes: [...withParts({}, whole.length + 4), ...Buffer.from('<x/>')], offset: whole.length },
  { name: 'FILENAME longer than the header', code: 'tlv-past-container', bytes: withParts({ fileName: tlv(14, text('Ringlist.xml.sgn'), 99) }), offset: at.fileName },
  { name: 'SERIAL NUMBER longer than SIGNER INFO', code: 'tlv-past-container', bytes: withParts({ signerInfo: tlv(3, [...tlv(5, [1, 2], 3)]) }), offset: 13 },
  { name: 'SIGNER INFO one byte short', code: 'tlv-past-container', bytes: withParts({ signerInfo: tlv(3, signer.flat(), 21) }), offset: at.issuer },
  { name: 'SIGNER INFO without its last item', code: 'container-length-mismatch', bytes: withParts({ signerInfo: tlv(3, signer.flat(), 13) }), offset: at.issuer },
  { name: 'SIGNER INFO that swallows FILENAME', code: 'container-length-mismatch', bytes: withParts({ signerInfo: tlv(3, [...signer.flat(), ...headerParts().fileName]) }), offset: at.signatureInfo },
  { name: 'SIGNATURE MODULUS outside its container', code: 'container-length-mismatch', bytes: withParts({ signatureInfo: tlv(7, [...tlv(8, [1]), ...tlv(9, [...tlv(10, [0])]), ...tlv(11, [1])]) }), offset: at.signatureInfo + 14 },
  { name: 'PADDING inside a container', code: 'container-length-mismatch', bytes: withParts({ signerInfo: tlv(3, [...signer.flat(), 0x0d, 0, 0]) }), offset: at.signatureInfo },
  { name: 'tag 29', code: 'unknown-header-tag', bytes: withParts({ extra: tlv(29, [1]) }), offset: whole.length },
  { name: 'tag 0', code: 'unknown-header-tag', bytes: withParts({ extra: tlv(0, []) }), offset: whole.length },
  { name: 'version 3.0', code: 'unknown-version', bytes: withParts({ version: tlv(1, [3, 0]) }), offset: 0 },
  { name: 'version 0.9', code: 'unknown-version', bytes: withParts({ version: tlv(1, [0, 9]) }), offset: 0 },
  { name: 'DIGEST ALGORITHM of 2 bytes', code: 'item-length', bytes: withParts({ signatureInfo: tlv(7, [...tlv(8, [0, 1]), ...tlv(9, [])]) }), offset: at.signatureInfo + 3 },
  { name: 'VERSION of 3 bytes', code: 'item-length', bytes: withParts({ version: tlv(1, [1, 0, 0]) }), offset: 0 },
  { name: 'VERSION twice', code: 'item-repeated', bytes: withParts({ extra: tlv(1, [1, 0]) }), offset: whole.length },
  { name: 'HEADER LENGTH twice', code: 'item-repeated', bytes: withParts({ extra: tlv(2, [0, 0]) }), offset: whole.length },
  { name: 'SIGNER INFO twice', code: 'item-repeated', bytes: withParts({ extra: tlv(3, []) }), offset: whole.length },
  { name: 'SERIAL NUMBER twice', code: 'item-repeated', bytes: withParts({ signerInfo: tlv(3, [...signer.flat(), ...tlv(5, [7])]) }), offset: at.signatureInfo },
  { name: 'no SIGNATURE', code: 'item-missing', bytes: without('signature') },
  { name: 'no SIGNER INFO', code: 'item-missing', bytes: without('signerInfo') },
  { name: 'no DIGEST ALGORITHM', code: 'item-missing', bytes: withParts({ signatureInfo: tlv(7, tlv(9, [...tlv(10, [0]), ...tlv(11, [1])])) }) },
  { name: 'DIGEST ALGORITHM twice, SHA-1 and SHA-512', code: 'digest-repeated', bytes: withParts({ signatureInfo: tlv(7, [...tlv(8, [1]), ...tlv(8, [3])]) }), offset: at.signatureInfo + 7 },
  { name: 'SIGNATURE twice', code: 'signature-repeated', bytes: withParts({ extra: tlv(12, fill(128)) }), offset: whole.length },
  { name: 'FILENAME twice', code: 'file-name-repeated', bytes: withParts({ extra: tlv(14, text('b')) }), offset: whole.length },
  { name: 'TIMESTAMP twice', code: 'timestamp-repeated', bytes: withParts({ extra: tlv(15, [0, 0, 0, 9]) }), offset: whole.length },
  { name: 'FILENAME without NUL', code: 'file-name-not-terminated', bytes: withParts({ fileName: tlv(14, [0x41]) }), offset: at.fileName },
  { name: 'FILENAME of no bytes', code: 'file-name-not-terminated', bytes: withParts({ fileName: tlv(14, []) }), offset: at.fileName },
  { name: 'FILENAME A NUL B NUL', code: 'file-name-nul-inside', bytes: withParts({ fileName: tlv(14, [0x41, 0, 0x42, 0]) }), offset: at.fileName + 4 },
  { name: 'FILENAME with an overlong slash', code: 'file-name-encoding', bytes: withParts({ fileName: tlv(14, [0xc0, 0xaf, 0]) }), offset: at.fileName },
  { name: 'TIMESTAMP of 8 bytes', code: 'timestamp-length', bytes: withParts({ timestamp: tlv(15, fill(8)) }), offset: at.timestamp },
  { name: 'TIMESTAMP of no bytes', code: 'timestamp-length', bytes: withParts({ timestamp: tlv(15, []) }), offset: at.timestamp },
  { name: 'SIGNER NAME without NUL', code: 'text-not-terminated', bytes: withParts({ signerInfo: tlv(3, [...tlv(4, [0x41]), ...tlv(5, [1]), ...tlv(6, text('b'))]) }), offset: 13 },
  { name: 'ISSUER NAME with NUL inside', code: 'text-nul-inside', bytes: withParts({ signerInfo: tlv(3, [...tlv(6, [0, 0x41, 0]), ...tlv(5, [1]), ...tlv(4, text('b'))]) }), offset: 16 },
  { name: '65 bytes of PADDING', code: 'padding-too-long', bytes: withParts({ extra: fill(65, 0x0d) }), offset: whole.length + 64 },
  { name: 'version 2.0 without encryption items', code: 'encryption-missing', bytes: withParts({ version: tlv(1, [2, 0]) }) },
  { name: 'version 1.0 with a content digest', code: 'encryption-unexpected', bytes: withParts({ extra: tlv(27, fill(20)) }), offset: whole.length },
  { name: 'IV of 15 bytes', code: 'item-length', bytes: withParts({ version: tlv(1, [2, 0]), extra: tlv(16, tlv(17, tlv(19, fill(15)))) }), offset: whole.length + 6 },
];

// prettier-ignore
const lists: readonly Exhibit[] = [
  { name: 'a signed file read as a list', code: 'not-a-trust-list', bytes: [...whole, ...record([role])], offset: 0 },
  { name: '65,537 bytes', code: 'trust-list-too-long', bytes: [...list(record([role])), ...fill(65_537)], offset: 65_536 },
  { name: 'a header alone', code: 'no-records', bytes: list() },
  { name: 'a text behind the header', code: 'record-length-missing', bytes: [...list(), 0x3c], offset: head },
  { name: 'a record that begins with its role', code: 'record-length-missing', bytes: list(role), offset: head },
  { name: 'RECORD LENGTH of 4 bytes', code: 'record-length-missing', bytes: list([...tlv(1, [0, 0, 0, 12]), ...role]), offset: head },
  { name: 'RECORD LENGTH 0', code: 'record-length-zero', bytes: list(record([role], 0)), offset: head + 3 },
  { name: 'RECORD LENGTH 4, less than itself', code: 'record-length-short', bytes: list(record([role], 4)), offset: head + 3 },
  { name: 'RECORD LENGTH 12: cuts the head of an item', code: 'record-length-short', bytes: list(record([role, tlv(6, [1, 2])], 12)), offset: head + 10 },
  { name: 'RECORD LENGTH that leaves the serial outside', code: 'record-length-short', bytes: list(record([role, tlv(6, [1, 2])], 10)), offset: head + 10 },
  { name: 'RECORD LENGTH one more than the list', code: 'record-length-past-end', bytes: list(record([role], 11)), offset: head + 3 },
  { name: 'a record cut inside its RECORD LENGTH', code: 'record-length-past-end', bytes: list([1, 0, 2, 0]), offset: head },
  { name: 'RECORD LENGTH that swallows the next record', code: 'record-item-repeated', bytes: list(record([role], 20), record([role])), offset: head + 10 },
  { name: 'SERIAL NUMBER longer than the record', code: 'tlv-past-container', bytes: list(record([role, tlv(6, [1], 2)]), record([role])), offset: head + 10 },
  { name: 'one byte behind the last record', code: 'trailing-bytes', bytes: list(record([role]), [0]), offset: head + 10 },
  { name: 'a second list behind the first', code: 'trailing-bytes', bytes: list(record([role]), [0x3c, 0x3c, 0x3c, 0x3c]), offset: head + 10 },
  { name: 'SUBJECT NAME twice', code: 'record-item-repeated', bytes: list(record([role, tlv(3, text('a')), tlv(3, text('b'))])), offset: head + 15 },
  { name: 'two roles', code: 'record-role-repeated', bytes: list(record([role, tlv(4, [0, 0])])), offset: head + 10 },
  { name: 'no role', code: 'record-role-missing', bytes: list(record([tlv(6, [1])])), offset: head },
  { name: 'two certificates', code: 'record-certificate-repeated', bytes: list(record([role, tlv(9, [1]), tlv(9, [2])])), offset: head + 14 },
  { name: 'tag 13 in a record', code: 'unknown-record-tag', bytes: list(record([role, tlv(13, [])])), offset: head + 10 },
  { name: 'role 5', code: 'unknown-role', bytes: list(record([tlv(4, [0, 5])])), offset: head + 5 },
  { name: 'role 256, whose low byte is SAST', code: 'unknown-role', bytes: list(record([tlv(4, [1, 0])])), offset: head + 5 },
  { name: 'role of one byte', code: 'item-length', bytes: list(record([tlv(4, [2])])), offset: head + 5 },
  { name: 'IP ADDRESS of 5 bytes', code: 'ip-address-length', bytes: list(record([role, tlv(10, fill(5))])), offset: head + 10 },
  { name: 'DNS NAME without NUL', code: 'text-not-terminated', bytes: list(record([role, tlv(2, [0x41])])), offset: head + 10 },
  { name: 'DNS NAME of no bytes', code: 'text-not-terminated', bytes: list(record([role, tlv(2, [])])), offset: head + 10 },
  { name: 'SUBJECT NAME with NUL inside', code: 'text-nul-inside', bytes: list(record([role, tlv(3, [0x41, 0, 0])])), offset: head + 14 },
];

// prettier-ignore
const encrypted: readonly Exhibit[] = [
  { name: 'a plain signed file read as an encrypted one', code: 'not-encrypted', bytes: openToolFile('Ringlist-sha1.xml.sgn'), offset: 0 },
];

const wings = [
  { wing: 'headers', exhibits: headers, decode: decodeSignedFile },
  { wing: 'lists', exhibits: lists, decode: decodeTrustList },
  { wing: 'encrypted files', exhibits: encrypted, decode: decodeEncryptedFile },
];

describe.each(wings)('the museum: $wing', ({ exhibits, decode }) => {
  it.each(exhibits)('$name: $code', ({ code, bytes, offset }) => {
    const file = Uint8Array.from(bytes);
    const decoded = decode(file);
    expect(decoded).toMatchObject({ ok: false, error: { code, offset: offset ?? file.length } });
    if (!decoded.ok) expect(decoded.error.message).toContain(formatRules[code]);
  });
});

it('what the exhibits are made from is whole', () => {
  expect(decodeSignedFile(whole).ok).toBe(true);
  expect(decodeTrustList(list(record([role]))).ok).toBe(true);
});

it('the museum shows every code', () => {
  const shown = new Set(wings.flatMap(({ exhibits }) => exhibits.map(({ code }) => code)));
  expect(Object.keys(formatRules).filter((code) => !shown.has(code as FormatCode))).toEqual([]);
});

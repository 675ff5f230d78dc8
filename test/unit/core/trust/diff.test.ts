import { describe, expect, it } from 'vitest';
import { diffLists, formatDiff } from '../../../../src/core/trust/diff.ts';
import { decodeTrustList, type TrustList } from '../../../../src/wire/trust-list.ts';
import { openToolFile } from '../../../helpers/crypto-signed-bytes.ts';
import { list, record, text, tlv } from '../../../helpers/hand-tlv.ts';

function decode(bytes: Uint8Array): TrustList {
  const decoded = decodeTrustList(bytes);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

const itl = decode(openToolFile('ITL-sha1.tlv'));
const ctl = decode(openToolFile('CTL-sha1.tlv'));

describe('diffLists', () => {
  it('finds no change between a list and itself, or itself in another order', () => {
    const turned = { ...itl, records: itl.records.toReversed() };
    expect(formatDiff(diffLists(itl, itl), itl)).toEqual([]);
    expect(diffLists(itl, turned)).toMatchObject({ added: [], removed: [], signerChanged: false });
    expect(diffLists(itl, turned).kept).toHaveLength(5);
  });

  it('finds no change of records between lists signed with another hash', () => {
    expect(formatDiff(diffLists(itl, decode(openToolFile('ITL-sha512.tlv'))), itl)).toEqual([]);
  });

  it('names what comes, what goes and who signs', () => {
    expect(formatDiff(diffLists(itl, ctl), ctl)).toEqual([
      expect.stringMatching(/^- TVS CN=tvs-a\.example,OU=Voice,O=Example \(serial 56:11:/),
      expect.stringMatching(/^\+ CCM CN=cucm-a-EC\.example/),
      expect.stringMatching(/^\+ APP-SERVER CN=proxy\.example/),
      expect.stringMatching(/^! signed by CN=cucm-a\.example.* \(serial 22:89:/),
    ]);
  });

  it('tells one certificate under another role as a change', () => {
    const certificate = tlv(9, [1, 2, 3]);
    const before = decode(list(record([tlv(4, [0, 3]), certificate])));
    const after = decode(list(record([tlv(4, [0, 0]), certificate])));
    expect(diffLists(before, after)).toMatchObject({
      added: [{ role: 'SAST' }],
      removed: [{ role: 'TFTP' }],
    });
  });

  it('tells records without certificate by their host', () => {
    const server = (host: string) => record([tlv(2, text(host)), tlv(4, [0, 2])]);
    const diff = diffLists(decode(list(server('a'), server('b'))), decode(list(server('b'), server('c'))));
    expect(formatDiff(diff, decode(list(server('c'))))).toEqual([
      '- CCM+TFTP a (no certificate)',
      '+ CCM+TFTP c (no certificate)',
    ]);
    expect(diff.kept).toHaveLength(1);
  });

  it('tells a record that stays under another host, where both sides name one', () => {
    const server = (host: string | undefined) =>
      record([...(host === undefined ? [] : [tlv(2, text(host))]), tlv(4, [0, 3]), tlv(9, [1, 2, 3])]);
    const before = decode(list(server('a')));
    const after = decode(list(server('b')));
    expect(formatDiff(diffLists(before, after), after)).toEqual([expect.stringMatching(/^~ TFTP .*: b$/)]);
    expect(diffLists(before, after)).toMatchObject({ added: [], removed: [], kept: [{ dnsName: 'b' }] });
    const nameless = decode(list(server(undefined)));
    expect(formatDiff(diffLists(nameless, after), after)).toEqual([]);
    expect(formatDiff(diffLists(before, nameless), nameless)).toEqual([]);
    expect(formatDiff(diffLists(after, after), after)).toEqual([]);
  });

  it('sees a certificate put into a record that had none', () => {
    const before = decode(list(record([tlv(2, text('a')), tlv(4, [0, 2])])));
    const after = decode(list(record([tlv(2, text('a')), tlv(4, [0, 2]), tlv(9, [1])])));
    expect(diffLists(before, after)).toMatchObject({
      added: [{ dnsName: 'a' }],
      removed: [{ dnsName: 'a' }],
    });
  });
});

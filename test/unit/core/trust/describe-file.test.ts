import { describe, expect, it } from 'vitest';
import { describeSignedFile, formatDescription } from '../../../../src/core/trust/describe-file.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { openToolFile } from '../../../helpers/crypto-signed-bytes.ts';
import { header, headerParts, list, record, text, tlv } from '../../../helpers/hand-tlv.ts';

const crypto = createVerifier();

function describeBytes(bytes: Uint8Array) {
  const described = describeSignedFile(crypto, bytes);
  if (!described.ok) throw new Error(described.error.message);
  return described.value;
}

const files = [
  'Ringlist-sha1.xml.sgn',
  'Ringlist-sha512-rsa4096.xml.sgn',
  'ITL-sha512.tlv',
  'enc1/SEP001122334455.cnf.xml.enc.sgn',
];

describe('describeSignedFile', () => {
  it.each(files)(
    '%s: the items cover the header, and the records the rest of a list, without a gap',
    (name) => {
      const bytes = openToolFile(name);
      const { headerBytes, contentBytes, items, records, kind } = describeBytes(bytes);
      expect(headerBytes + contentBytes).toBe(bytes.length);
      let at = 0;
      for (const item of items.filter(({ depth }) => depth === 0)) {
        expect(item.offset).toBe(at);
        at += item.tag === 13 ? 1 : 3 + item.length;
      }
      expect(at).toBe(headerBytes);
      for (const each of records) {
        expect(each.offset).toBe(at);
        for (const item of each.items) {
          expect(item.offset).toBe(at);
          at += 3 + item.length;
        }
        expect(at).toBe(each.offset + each.length);
      }
      expect(at).toBe(kind === 'trust-list' ? bytes.length : headerBytes);
    },
  );

  it('is a plain value: JSON and back is the same', () => {
    const description = describeBytes(openToolFile('ITL-sha1.tlv'));
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
  });

  it('says who signed and what each record certifies', () => {
    const description = describeBytes(openToolFile('CTL-sha1.tlv'));
    expect(description).toMatchObject({
      kind: 'trust-list',
      version: '1.2',
      sizeBytes: 9625,
      headerBytes: 456,
      fileName: 'CTLFile.tlv',
      signed: '2026-11-21T09:10:11Z',
      signer: { serial: '22:89:21:96:b1:84:5d:0b:33:c7:ce:78:a9:9b:6a:a2:c7:3b:ca:e2' },
      hash: 'SHA-1',
      signatureBytes: 256,
    });
    expect(description.records.map(({ role, certificate }) => `${role} ${certificate?.key}`)).toEqual([
      'SAST RSA-2048',
      'CCM+TFTP RSA-2048',
      'CAPF RSA-1024',
      'SAST RSA-2048',
      'CCM EC prime256v1',
      'APP-SERVER RSA-4096',
    ]);
  });

  it('says null for what a file does not hold', () => {
    const { timestamp: _, fileName: _name, ...parts } = { ...headerParts(), version: tlv(1, [1, 1]) };
    expect(describeBytes(header(Object.values(parts)))).toMatchObject({
      kind: 'firmware',
      fileName: null,
      timestamp: null,
      signed: null,
      records: [],
    });
    const [bare] = describeBytes(list(record([tlv(4, [0, 2]), tlv(9, [1, 2, 3])]))).records;
    expect(bare).toMatchObject({
      dnsName: null,
      subject: null,
      serial: null,
      ipAddress: null,
      certificate: null,
    });
  });

  it('answers bytes that are no signed file with the error', () => {
    expect(describeSignedFile(crypto, openToolFile('Ringlist-sha1.xml'))).toMatchObject({
      ok: false,
      error: { code: 'not-signed' },
    });
    expect(describeSignedFile(crypto, list())).toMatchObject({ ok: false, error: { code: 'no-records' } });
  });
});

describe('formatDescription', () => {
  it('shows a signed file in lines, containers indented', () => {
    const fileName = tlv(14, text('Ring\u001b.xml.sgn'));
    const bytes = header(Object.values({ ...headerParts(), fileName }));
    const table = formatDescription(describeBytes(bytes));
    expect(table).toContain('\n  signed as  Ring\\x1b.xml.sgn at 2026-11-21T02:29:23Z\n');
    expect(table.split('\n').slice(7)).toEqual([
      'offset  tag  name                        length  value',
      '     0    1  VERSION                          2  1.0',
      '     5    2  HEADER LENGTH                    2  208',
      '    10    3  SIGNER INFO                     22',
      '    13    4    SIGNER NAME                    5  CN=a',
      '    21    5    SERIAL NUMBER                  2  01:02',
      '    26    6    ISSUER NAME                    6  CN=ca',
      '    35    7  SIGNATURE INFO                  15',
      '    38    8    DIGEST ALGORITHM               1  1 (SHA-1)',
      '    42    9    SIGNATURE ALGORITHM INFO       8',
      '    45   10      SIGNATURE ALGORITHM          1  0 (RSA)',
      '    49   11      SIGNATURE MODULUS            1  1 (128 bytes, RSA-1024)',
      `    53   12  SIGNATURE                      128  ${'ab'.repeat(31)}a…`,
      '   184   14  FILENAME                        14  Ring\\x1b.xml.sgn',
      '   201   15  TIMESTAMP                        4  1795228163 (2026-11-21T02:29:23Z)',
      '',
    ]);
  });

  it('says that a file has no name, and leaves out when it was signed where it does not say', () => {
    const { timestamp: _, fileName: _name, ...parts } = { ...headerParts(), version: tlv(1, [1, 1]) };
    const table = formatDescription(describeBytes(header(Object.values(parts))));
    expect(table).toContain('\n  signed as  (no name)\n');
  });

  it('shows each record of a list under a title', () => {
    const table = formatDescription(describeBytes(openToolFile('ITL-sha1.tlv')));
    expect(table).toContain('trust list, version 1.2: 7890 bytes, header 480, content 7410\n');
    expect(table).toContain('\nrecord 4: TVS, 1503 bytes at 5403\n  certificate RSA-2048, valid 2026-');
  });
});

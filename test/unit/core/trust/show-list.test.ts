import { describe, expect, it } from 'vitest';
import { showList } from '../../../../src/core/trust/show-list.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { openToolFile } from '../../../helpers/crypto-signed-bytes.ts';
import { header, headerParts, list, record, text, tlv } from '../../../helpers/hand-tlv.ts';

const crypto = createVerifier();

describe('show ctl (domain.md §7)', () => {
  const shown = showList(crypto, openToolFile('CTL-sha1.tlv'), { kind: 'ctl' });

  it('begins with checksums, length and date, and says what the header holds', () => {
    expect(shown.text).toMatch(
      /^The checksum value of the CTL file:\n[0-9a-f]{32}\(MD5\)\n[0-9a-f]{40}\(SHA1\)\n\nLength of CTL file: 9625\n/,
    );
    const header = shown.text.slice(0, shown.text.indexOf('CTL Record #:1'));
    for (const line of [
      '\tParse CTL File',
      'Version:\t1.2',
      'HeaderLength:\t456 (BYTES)',
      'BYTEPOS\tTAG\t\tLENGTH\tVALUE',
      '3\tSIGNERID\t2\t139',
      '4\tSIGNERNAME\t55\tCN=cucm-a.example,OU=Voice,O=Example,L=Riga,ST=LV,C=LV',
      '5\tSERIALNUMBER\t20\t22:89:21:96:B1:84:5D:0B:33:C7:CE:78:A9:9B:6A:A2:C7:3B:CA:E2',
      '7\tSIGNATUREINFO\t2\t15',
      '8\tDIGESTALGORTITHM\t1\t1',
      '9\tSIGNATUREALGOINFO\t2\t8',
      '10\tSIGNATUREALGORTITHM\t1\t0',
      '11\tSIGNATUREMODULUS\t1\t2',
      '12\tSIGNATURE\t256',
      '50  ff  8b  e2  33  3b  ab  df',
      '14\tFILENAME\t12\tCTLFile.tlv',
    ]) {
      expect(header.split('\n')).toContain(line);
    }
  });

  it('numbers the records and says which token signed', () => {
    expect(shown.text.match(/CTL Record #:\d+/g)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `CTL Record #:${n}`));
    const [, first = '', second = '', , fourth = ''] = shown.text.split(/CTL Record #:\d+/);
    expect(first).toContain('4\tFUNCTION\t2\tSystem Administrator Security Token');
    expect(first).toContain('31 10 7C A1 4E 01 BD D5 70 6D F4 7A E0 DF BE 81 91 AA DD 51 (SHA1 Hash HEX)');
    expect(first).toContain('This etoken was used to sign the CTL file.');
    expect(second).toContain('4\tFUNCTION\t2\tCCM+TFTP');
    expect(second).not.toContain('etoken');
    expect(fourth).toContain('This etoken was not used to sign the CTL file.');
    expect(shown.text).toMatch(/\nThe CTL file was verified successfully\.\n$/);
    expect(shown).toMatchObject({ verified: true, error: undefined });
  });

  it('says so when the list is not whole', () => {
    const bytes = openToolFile('CTL-sha1.tlv');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const broken = showList(crypto, bytes, { kind: 'ctl' });
    expect(broken.verified).toBe(false);
    expect(broken.text).not.toContain('was used to sign');
    expect(broken.text).toMatch(/\nThe CTL file was not verified successfully\.\n$/);
  });
});

describe('show itl', () => {
  it.each(['ITL-sha1.tlv', 'ITL-sha512.tlv'])('%s is shown and verified', (name) => {
    const shown = showList(crypto, openToolFile(name), { kind: 'itl', modified: 1_425_675_367 });
    expect(shown.verified).toBe(true);
    expect(shown.text).toContain('The ITL File was last modified on Fri Mar 06 20:56:07 UTC 2015\n');
    expect(shown.text).toContain('4\tFUNCTION\t2\tTVS\n');
    expect(shown.text).toContain('This etoken was used to sign the ITL file.');
  });

  it('shows a record without certificate as CUCM does', () => {
    const bytes = list(record([tlv(2, text('10.48.47.153')), tlv(4, [0, 2]), tlv(10, [10, 48, 47, 153])]));
    expect(showList(crypto, bytes, { kind: 'ctl' }).text).toContain(
      [
        '1\tRECORDLENGTH\t2\t33',
        '2\tDNSNAME\t\t13\t10.48.47.153',
        '4\tFUNCTION\t2\tCCM+TFTP',
        '10\tIPADDRESS\t4\t10.48.47.153',
      ].join('\n'),
    );
  });

  it('shows the version of the signer that encrypted files carry', () => {
    const parts = { ...headerParts(), version: tlv(1, [1, 2]), signerVersion: tlv(28, [1, 3]) };
    const row = record([tlv(3, text('CN=a')), tlv(4, [0, 2])]);
    const bytes = Uint8Array.from([...header(Object.values(parts)), ...row]);
    expect(showList(crypto, bytes, { kind: 'itl' }).text).toContain('28\tSIGNERVERSION\t2\t1.3\n');
  });

  it('escapes what a name could do to a terminal', () => {
    const bytes = list(record([tlv(3, text('CN=\u001b[2J\nFUNCTION')), tlv(4, [0, 2])]));
    expect(showList(crypto, bytes, { kind: 'itl' }).text).toContain('CN=\\x1b[2J\\x0aFUNCTION\n');
  });

  it('names the reason when the bytes are no list', () => {
    const shown = showList(crypto, Uint8Array.from(Buffer.from('<xml/>')), { kind: 'itl' });
    expect(shown).toMatchObject({ verified: false, error: { code: 'not-signed', offset: 0 } });
    expect(shown.text).toContain('Length of ITL file: 6\n');
    expect(shown.text).toContain('Error parsing the ITL File.\n');
  });
});

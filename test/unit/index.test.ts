import { describe, expect, it } from 'vitest';
import { decode, decodeTrustList, judge, readCertificates, verify } from '../../src/index.ts';
import { openToolFile } from '../helpers/crypto-signed-bytes.ts';

const nowSeconds = 1_795_305_600; // 2026-11-22, a day after the vectors were made
const file = openToolFile('Ringlist-sha512.xml.sgn');
const itl = openToolFile('ITL-sha512.tlv');

describe('the library', () => {
  it('decodes to a value that JSON holds', () => {
    const decoded = decode(itl);
    expect(decoded.ok && JSON.parse(JSON.stringify(decoded.value))).toMatchObject({
      kind: 'trust-list',
      fileName: 'ITLFile.tlv',
      sizeBytes: itl.length,
    });
    expect(decode(new Uint8Array())).toMatchObject({ ok: false, error: { code: 'not-signed' } });
    const list = decodeTrustList(itl);
    expect(list.ok && list.value.records.map(({ role }) => role)).toContain('TVS');
  });

  it('verifies against a list or a certificate, and refuses a changed byte', () => {
    const [certificate] = readCertificates(openToolFile('callmanager.pem'));
    if (certificate === undefined) return expect.unreachable();
    const byList = { lists: [itl], certificates: [] };
    const byCertificate = { lists: [], certificates: [{ role: 'TFTP' as const, certificate }] };
    for (const trust of [byList, byCertificate])
      expect(verify({ bytes: file, name: 'Ringlist.xml.sgn', trust, nowSeconds })).toMatchObject({
        accepted: true,
        signer: { fingerprint: certificate.fingerprint },
      });
    const changed = file.with(file.length - 1, (file.at(-1) ?? 0) ^ 1);
    expect(verify({ bytes: changed, name: 'Ringlist.xml.sgn', trust: byList, nowSeconds })).toMatchObject({
      accepted: false,
      code: 'signature-content',
    });
  });

  it('judges as a phone', () => {
    const asked = { name: 'Ringlist.xml.sgn', bytes: file };
    expect(judge({ itl }, asked, nowSeconds)).toMatchObject({ phone: 'accept', code: 'accepted-by-itl' });
    expect(judge({}, { name: 'Ringlist.xml', bytes: new Uint8Array() }, nowSeconds).phone).toBe('accept');
  });
});

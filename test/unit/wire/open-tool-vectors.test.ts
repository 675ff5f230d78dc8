/** Every file of the independent tool parses, and verifies over the bytes our codec cuts (formats.md §1–§3). */
import { createHash, createVerify, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../../src/base/bytes.ts';
import { hashOfCode, modulusBytesOfCode } from '../../../src/wire/algorithm.ts';
import { decodeEncryptedFile } from '../../../src/wire/encrypted-file.ts';
import { decodeSignedFile } from '../../../src/wire/signed-file.ts';
import { decodeSignedHeader, looksSigned, toBeSigned } from '../../../src/wire/signed-header.ts';
import { decodeTrustList } from '../../../src/wire/trust-list.ts';
import { openTool, openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const names = readdirSync(openTool, { recursive: true, encoding: 'utf8' });
const signed = names.filter((name) => /\.(sgn|tlv)$/.test(name)).sort();
const certificates = names
  .filter((name) => name.endsWith('.pem'))
  .map(
    (name) =>
      new X509Certificate(
        /-----BEGIN CERTIFICATE[^]*?END CERTIFICATE-----/.exec(
          readFileSync(new URL(name, openTool), 'latin1'),
        )?.[0] ?? '',
      ),
  );

function verifies(bytes: Uint8Array): boolean {
  const header = decodeSignedHeader(bytes);
  if (!header.ok) return false;
  const hash = hashOfCode(header.value.digestCode);
  const serial = Buffer.from(header.value.signer.serial).toString('hex').toUpperCase();
  const certificate = certificates.find(
    (c) => c.serialNumber.replace(/^0+/, '') === serial.replace(/^0+/, ''),
  );
  if (hash === undefined || certificate === undefined) return false;
  if (modulusBytesOfCode(header.value.modulusCode) !== header.value.signature.length) return false;
  const verify = createVerify(hash);
  for (const part of toBeSigned(bytes, header.value)) verify.update(part);
  return verify.verify(certificate.publicKey, header.value.signature);
}

describe('files of the open tool', () => {
  it('are all here', () => {
    expect(signed).toHaveLength(12);
  });

  it.each(signed)('%s parses and verifies over the bytes cut by the codec', (name) => {
    const bytes = openToolFile(name);
    expect(looksSigned(bytes)).toBe(true);
    expect(verifies(bytes)).toBe(true);
  });

  it.each(signed)('%s no longer verifies with its last byte changed', (name) => {
    const bytes = openToolFile(name);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect(verifies(bytes)).toBe(false);
  });

  it.each(['Ringlist-sha1', 'Ringlist-sha512'])(
    '%s.xml.sgn is the header and the unchanged content',
    (name) => {
      const file = decodeSignedFile(openToolFile(`${name}.xml.sgn`));
      expect(file).toMatchObject({
        ok: true,
        value: { header: { kind: 'signed-file', fileName: 'Ringlist.xml.sgn' } },
      });
      expect(file.ok && equalBytes(file.value.content, openToolFile(`${name}.xml`))).toBe(true);
    },
  );

  it.each(signed.filter((name) => name.endsWith('.tlv')))(
    '%s holds certificates with their own key and serial',
    (name) => {
      const list = decodeTrustList(openToolFile(name));
      if (!list.ok) throw new Error(list.error.message);
      expect(list.value.header.fileName).toBe(`${name.slice(0, 3)}File.tlv`);
      expect(list.value.header.signerVersion).toEqual({ major: 1, minor: name.startsWith('CTL-') ? 1 : 0 });
      for (const record of list.value.records) {
        const certificate = new X509Certificate(record.certificateDer ?? new Uint8Array());
        expect(
          Buffer.from(record.serial ?? [])
            .toString('hex')
            .toUpperCase(),
        ).toBe(certificate.serialNumber);
        const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
        expect(spki.includes(Buffer.from(record.publicKey ?? [1, 2, 3]))).toBe(true);
      }
    },
  );

  it.each(['enc1', 'enc512'])('%s: the encrypted configuration says how it was encrypted', (folder) => {
    const file = decodeEncryptedFile(openToolFile(`${folder}/SEP001122334455.cnf.xml.enc.sgn`));
    if (!file.ok) throw new Error(file.error.message);
    const plain = openToolFile(`${folder}/plain.xml`);
    expect(file.value.ciphertext.length).toBe(plain.length + file.value.encryption.paddingLength);
    expect(file.value.encryption.keyBits).toBe(2048);
    expect(file.value.encryption.wrappedKey).toHaveLength(256);
    const hash = hashOfCode(file.value.encryption.contentDigestCode) ?? 'md5';
    expect(Buffer.from(file.value.encryption.contentDigest)).toEqual(createHash(hash).update(plain).digest());
  });
});

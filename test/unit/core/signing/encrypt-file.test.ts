/** Encrypted configurations there and back (formats.md §2), with openssl as the other side. */
import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decryptFile } from '../../../../src/core/signing/decrypt-file.ts';
import { encryptFile } from '../../../../src/core/signing/encrypt-file.ts';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { verifyStrict } from '../../../../src/core/trust/strict.ts';
import { readCertificateFile } from '../../../../src/pki/certificate.ts';
import { createDecryptor, createEncryptor } from '../../../../src/pki/encryptor.ts';
import { readPrivateKeyPem } from '../../../../src/pki/signer.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import type { HashName } from '../../../../src/wire/algorithm.ts';
import { openToolFile } from '../../../helpers/crypto-signed-bytes.ts';
import { opensslDecrypt } from '../../../helpers/openssl-decrypt.ts';

const crypto = createVerifier();
const text = (name: string): string => Buffer.from(openToolFile(name)).toString();
const phonePem = text('phone.pem');
const [phone] = readCertificateFile(openToolFile('phone.pem')) as [CertificateFacts];
const signer = readPrivateKeyPem(text('callmanager.pem'));
const decryptor = createDecryptor(phonePem);
const fileName = 'SEP001122334455.cnf.xml.enc.sgn';
const timestamp = 1_795_255_200;
const content = Buffer.from('<device><sshPassword>geheim</sshPassword></device>\n');

function encrypt(
  plain: Uint8Array,
  change: { hash?: HashName; recipient?: CertificateFacts; fileName?: string } = {},
): Promise<Uint8Array> {
  return encryptFile({
    content: plain,
    fileName,
    timestamp,
    hash: 'sha1',
    signer,
    recipient: phone,
    encryptor: createEncryptor(),
    crypto,
    ...change,
  });
}

function verdict(bytes: Uint8Array): boolean {
  return verifyStrict(crypto, {
    bytes,
    name: fileName,
    trust: { lists: [], certificates: [{ role: 'TFTP', certificate: signer.certificate }] },
    nowSeconds: timestamp,
  }).accepted;
}

describe('an encrypted configuration', () => {
  it.each(['enc1', 'enc512'])('%s of the open tool decrypts to its plain.xml', (folder) => {
    const plain = decryptFile(crypto, openToolFile(`${folder}/${fileName}`), decryptor);
    expect(plain.ok && Buffer.from(plain.value)).toEqual(Buffer.from(openToolFile(`${folder}/plain.xml`)));
  });

  it.each(['sha1', 'sha512'] as const)('with %s is opened by openssl, byte for byte', async (hash) => {
    for (const length of [0, 1, 15, 16, 17, 6_000]) {
      const plain = Buffer.alloc(length, '<device/>');
      const file = await encrypt(plain, { hash });
      expect(opensslDecrypt(file, phonePem)).toEqual(plain);
      expect(verdict(file)).toBe(true);
    }
  });

  it('comes back whatever the content is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (plain) => {
        // What looks signed is refused by name; the bytes are otherwise free.
        fc.pre(plain[0] !== 1);
        const back = decryptFile(crypto, await encrypt(plain), decryptor);
        expect(back.ok && back.value).toEqual(plain);
      }),
      { numRuns: 25, seed: 27 },
    );
  });

  it('has another key and IV each time, and no plain text in it', async () => {
    const [one, two] = await Promise.all([encrypt(content), encrypt(content)]);
    expect(Buffer.from(one)).not.toEqual(Buffer.from(two));
    expect(Buffer.from(one).includes('geheim')).toBe(false);
  });

  it('every flipped bit is refused: header, key, IV, body', async () => {
    const file = Uint8Array.from(await encrypt(content));
    expect(verdict(file)).toBe(true);
    const accepted: number[] = [];
    for (let bit = 0; bit < file.length * 8; bit++) {
      const at = bit >> 3;
      file[at] = (file[at] ?? 0) ^ (1 << (bit & 7));
      if (verdict(file)) accepted.push(bit);
      file[at] = (file[at] ?? 0) ^ (1 << (bit & 7));
    }
    expect(accepted).toEqual([]);
  });

  it('a flipped bit of IV, key or body is refused by the content alone, without a word about the signer', () => {
    const original = openToolFile(`enc1/${fileName}`);
    const places = [
      ...Array.from({ length: 16 }, (_, at) => 484 + at), // IV
      ...Array.from({ length: 64 }, (_, at) => 524 + 4 * at), // wrapped key
      ...Array.from({ length: 104 }, (_, at) => 808 + 4 * at), // body
    ];
    const opened = places.filter((at) => {
      const file = Uint8Array.from(original);
      file[at] = (file[at] ?? 0) ^ (1 << (at % 8));
      return decryptFile(crypto, file, decryptor).ok;
    });
    expect(opened).toEqual([]);
  });
});

describe('what is refused', () => {
  it('another phone’s key', async () => {
    const other = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const opened = decryptFile(crypto, await encrypt(content), createDecryptor(other.privateKey));
    expect(opened).toMatchObject({ ok: false, error: { code: 'other-key' } });
  });

  it('a phone certificate with an EC key, and a private key that is none of RSA', async () => {
    const [ec] = readCertificateFile(openToolFile('callmanager-ec.pem')) as [CertificateFacts];
    await expect(encrypt(content, { recipient: ec })).rejects.toMatchObject({ code: 'refused' });
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    expect(() => createDecryptor(privateKey)).toThrow('RSA');
  });

  it.each(['SEP001122334455.cnf.xml.sgn', 'Ringlist.xml.enc.sgn', '../SEP001122334455.cnf.xml.enc.sgn'])(
    'the name %s',
    async (name) => {
      await expect(encrypt(content, { fileName: name })).rejects.toMatchObject({ code: 'refused' });
    },
  );

  it('content that is signed already', async () => {
    const signed = openToolFile('Ringlist-sha1.xml.sgn');
    await expect(encrypt(signed)).rejects.toMatchObject({ code: 'refused' });
  });

  it.each([
    ['empty', new Uint8Array()],
    ['a signed file', openToolFile('Ringlist-sha1.xml.sgn')],
    ['cut in its body', openToolFile(`enc1/${fileName}`).subarray(0, 1223)],
    ['without a body', openToolFile(`enc1/${fileName}`).subarray(0, 808)],
  ])('bytes that are no encrypted configuration: %s', (_name, bytes) => {
    expect(decryptFile(crypto, bytes, decryptor).ok).toBe(false);
  });
});

import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  sign,
  type KeyObject,
} from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../../src/base/bytes.ts';
import { readCertificateFile } from '../../../src/pki/certificate.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { cutSignedFile, openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const crypto = createVerifier();
const message = Buffer.from('the bytes that are signed');
const privateKey = createPrivateKey(Buffer.from(openToolFile('callmanager.pem')));
const spki = spkiOf(privateKey);

function spkiOf(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ type: 'spki', format: 'der' }));
}

describe('files of the independent tool', () => {
  const signers = ['callmanager', 'itlrecovery', 'proxy4096', 'tvs'].flatMap((name) =>
    readCertificateFile(openToolFile(`${name}.pem`)),
  );
  const files = [
    'CTL-sha1.tlv',
    'CTL-sha512.tlv',
    'ITL-sha1.tlv',
    'ITL-sha512.tlv',
    'Ringlist-sha1.xml.sgn',
    'Ringlist-sha512.xml.sgn',
    'Ringlist-sha1-rsa4096.xml.sgn',
    'Ringlist-sha512-rsa4096.xml.sgn',
    'enc1/SEP001122334455.cnf.xml.sgn',
    'enc1/SEP001122334455.cnf.xml.enc.sgn',
    'enc512/SEP001122334455.cnf.xml.sgn',
    'enc512/SEP001122334455.cnf.xml.enc.sgn',
  ];

  test.each(files)('%s verifies with its signer and with no other', (name) => {
    const { signed, signature, serial } = cutSignedFile(openToolFile(name));
    const hash = /sha1|enc1\//.test(name) ? 'sha1' : 'sha512';
    for (const signer of signers) {
      const own = equalBytes(signer.serial, serial);
      expect(crypto.verifyRsa(signer.publicKey.spki, hash, signed, signature), signer.subject).toBe(own);
    }
    expect(signers.some((signer) => equalBytes(signer.serial, serial))).toBe(true);
    expect(crypto.verifyRsa(spki, hash === 'sha1' ? 'sha512' : 'sha1', signed, signature)).toBe(false);
  });
});

describe('PKCS#1 v1.5 signatures that are not (RFC 8017 §8.2.2)', () => {
  const size = 256;
  const digest = createHash('sha1').update(message).digest();
  const sha1Info = Buffer.from('3021300906052b0e03021a05000414', 'hex');
  const verify = (signature: Uint8Array, key = spki, hash: 'sha1' | 'sha512' = 'sha1') =>
    crypto.verifyRsa(key, hash, [message.subarray(0, 5), message.subarray(5)], signature);

  /** The raw RSA private operation over an encoded message of our making. */
  const forge = (encoded: Buffer) =>
    privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
  const encode = (info: Buffer, padLength = size - 3 - info.length, type = 1, fill = 0xff) =>
    Buffer.concat([Buffer.from([0, type]), Buffer.alloc(padLength, fill), Buffer.from([0]), info]);
  const info = Buffer.concat([sha1Info, digest]);
  const atEnd = (encoded: Buffer) => Buffer.concat([encoded, Buffer.alloc(size - encoded.length, 0xab)]);

  test('the encoding of the clause itself is accepted, so the forgeries below differ only in their fault', () => {
    expect(verify(forge(encode(info)))).toBe(true);
    expect(verify(sign('sha1', message, privateKey))).toBe(true);
  });

  test.each([
    ['eight bytes of padding, garbage behind the digest (Bleichenbacher 2006)', atEnd(encode(info, 8))],
    ['one byte of padding less, one byte behind the digest', atEnd(encode(info, size - 4 - info.length))],
    ['no padding at all', atEnd(encode(info, 0))],
    ['block type 2', encode(info, undefined, 2)],
    ['block type 0', encode(info, undefined, 0, 0)],
    ['padding of 0xfe', encode(info, undefined, 1, 0xfe)],
    ['a leading byte of 1 (type shifted)', Buffer.concat([encode(info).subarray(1), Buffer.from([0])])],
    ['the digest without its algorithm', encode(digest)],
    ['a digest cut by one byte', encode(info.subarray(0, -1))],
    ['a digest of other content', encode(Buffer.concat([sha1Info, createHash('sha1').update('x').digest()]))],
    [
      'the OID of SHA-224 over a SHA-1 digest',
      encode(Buffer.concat([hex('3021300906052b0e03021d05000414'), digest])),
    ],
    ['algorithm parameters absent', encode(Buffer.concat([hex('301f300706052b0e03021a0414'), digest]))],
    ['a length in BER long form', encode(Buffer.concat([hex('308121300906052b0e03021a05000414'), digest]))],
    [
      'a second NULL in the parameters',
      encode(Buffer.concat([hex('3023300b06052b0e03021a050005000414'), digest])),
    ],
    [
      'a MD5 DigestInfo',
      encode(Buffer.concat([hex('3020300c06082a864886f70d020505000410'), digest.subarray(4)])),
    ],
  ])('%s', (_name, encoded) => {
    expect(encoded.length).toBe(size);
    expect(verify(forge(encoded))).toBe(false);
  });

  const good = sign('sha1', message, privateKey);
  const modulus = BigInt(
    `0x${Buffer.from(privateKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
  );
  const integer = (value: bigint, length: number) => hex(value.toString(16).padStart(length * 2, '0'));
  const value = BigInt(`0x${good.toString('hex')}`);

  test.each([
    ['zero', Buffer.alloc(size)],
    ['one', integer(1n, size)],
    ['the modulus', integer(modulus, size)],
    ['modulus minus one', integer(modulus - 1n, size)],
    ['s + n, a byte longer', integer(value + modulus, size + 1)],
    ['n - s', integer(modulus - value, size)],
    ['a zero byte before', Buffer.concat([Buffer.alloc(1), good])],
    ['a zero byte behind', Buffer.concat([good, Buffer.alloc(1)])],
    ['the last byte cut', good.subarray(0, -1)],
    ['empty', Buffer.alloc(0)],
    ['twice', Buffer.concat([good, good])],
  ])('the signature is %s', (_name, signature) => {
    expect(verify(signature)).toBe(false);
  });

  test('s + n of the same length (needs a modulus with room below the top bit)', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1023 });
    const n = BigInt(
      `0x${Buffer.from(small.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
    );
    const s = sign('sha1', message, small.privateKey);
    const key = spkiOf(small.privateKey);
    expect(verify(s, key)).toBe(true);
    expect(verify(integer(BigInt(`0x${s.toString('hex')}`) + n, 128), key)).toBe(false);
  });

  test('a signature shorter than the modulus because its first byte is zero is refused without that byte', () => {
    for (let i = 0; ; i++) {
      const text = Buffer.from(`search ${i}`);
      const signature = sign('sha1', text, privateKey);
      if (signature[0] !== 0) continue;
      expect(crypto.verifyRsa(spki, 'sha1', [text], signature)).toBe(true);
      expect(crypto.verifyRsa(spki, 'sha1', [text], signature.subarray(1))).toBe(false);
      break;
    }
  });

  test('PSS, with the same key and hash', () => {
    const pss = sign('sha1', message, {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 20,
    });
    expect(verify(pss)).toBe(false);
  });

  test('another hash than the one that is claimed', () => {
    expect(verify(sign('sha512', message, privateKey))).toBe(false);
    expect(verify(good, spki, 'sha512')).toBe(false);
  });

  test('no single-bit change is accepted', () => {
    fc.assert(
      fc.property(fc.nat(size * 8 - 1), (bit) => {
        const changed = Uint8Array.from(good);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return !verify(changed);
      }),
      { seed: 8017, numRuns: 300 },
    );
  });
});

describe('keys that are refused', () => {
  test('an RSA-PSS key, an EC key, garbage, nothing, a PEM', () => {
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 1024 });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pssSignature = sign('sha1', message, pss.privateKey);
    expect(crypto.verifyRsa(spkiOf(pss.privateKey), 'sha1', [message], pssSignature)).toBe(false);
    expect(
      crypto.verifyRsa(spkiOf(ec.privateKey), 'sha1', [message], sign('sha1', message, ec.privateKey)),
    ).toBe(false);
    for (const key of [Buffer.from('garbage'), Buffer.alloc(0), Buffer.from(openToolFile('tvs.pem'))])
      expect(crypto.verifyRsa(key, 'sha1', [message], Buffer.alloc(256))).toBe(false);
  });

  test('public exponent 1, with which every message is its own signature', () => {
    const jwk = privateKey.export({ format: 'jwk' });
    const identity = createPublicKey({ key: { kty: 'RSA', n: jwk.n ?? '', e: 'AQ' }, format: 'jwk' });
    const encoded = Buffer.concat([
      hex('0001'),
      Buffer.alloc(256 - 3 - 35, 0xff),
      hex('003021300906052b0e03021a05000414'),
      createHash('sha1').update(message).digest(),
    ]);
    const key = Uint8Array.from(identity.export({ type: 'spki', format: 'der' }));
    expect(crypto.verifyRsa(key, 'sha1', [message], encoded)).toBe(false);
  });

  test('digests are those of the names', () => {
    expect(Buffer.from(crypto.digest('sha256', message))).toEqual(
      createHash('sha256').update(message).digest(),
    );
    expect(crypto.digest('md5', message)).toHaveLength(16);
  });
});

function hex(text: string): Buffer {
  return Buffer.from(text.length % 2 ? `0${text}` : text, 'hex');
}

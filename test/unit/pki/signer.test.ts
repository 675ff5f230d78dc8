import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import { encodeLatin1, encodeUtf8 } from '../../../src/base/text.ts';
import type { CertificateFacts } from '../../../src/core/ports.ts';
import { readCertificateFile } from '../../../src/pki/certificate.ts';
import { encryptPrivateKey, randomPassphrase, readPrivateKey } from '../../../src/pki/private-key.ts';
import { createSignerOpener, readPrivateKeyPem } from '../../../src/pki/signer.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const pem = (name: string) => Buffer.from(openToolFile(`${name}.pem`)).toString('latin1');
const verifier = createVerifier();
const parts = [encodeUtf8('header '), encodeUtf8('and content')];

function certificateOf(text: string): CertificateFacts {
  const facts = readCertificateFile(encodeLatin1(text))[0];
  if (!facts) throw new Error('no certificate');
  return facts;
}

/** A PEM with key and certificate by openssl, for keys the profiles do not make. */
function selfSigned(key: KeyObject): string {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-signer-'));
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 });
  const args = ['req', '-x509', '-key', join(folder, 'key.pem'), '-subj', '/CN=x', '-days', '1'];
  const certificate = execFileSync('openssl', args, { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return keyPem + certificate;
}

describe('signing', () => {
  test.each(['sha1', 'sha512'] as const)('%s: what a signer signs, the verifier accepts', async (hash) => {
    for (const name of ['callmanager', 'itlrecovery', 'proxy4096']) {
      const signer = readPrivateKeyPem(pem(name));
      const signature = await signer.sign(hash, parts);
      const { publicKey } = signer.certificate;
      expect(signature).toHaveLength(publicKey.kind === 'rsa' ? publicKey.modulusBits / 8 : 0);
      expect(verifier.verifyRsa(publicKey.spki, hash, parts, signature)).toBe(true);
      expect(verifier.verifyRsa(publicKey.spki, hash, parts.slice(1), signature)).toBe(false);
    }
  });

  test('an EC key is refused when it shall sign a header', async () => {
    const signer = readPrivateKeyPem(pem('callmanager-ec'));
    await expect(signer.sign('sha1', parts)).rejects.toMatchObject({ code: 'refused' });
  });

  test.each([3072, 512])('RSA-%i is refused', async (modulusLength) => {
    const signer = readPrivateKeyPem(selfSigned(generateKeyPairSync('rsa', { modulusLength }).privateKey));
    await expect(signer.sign('sha1', parts)).rejects.toMatchObject({ code: 'refused' });
  });
});

describe('opening a key', () => {
  const certificate = certificateOf(pem('callmanager'));
  const encrypted = encryptPrivateKey(createPrivateKey(pem('callmanager')), 'open sesame');

  test('with its passphrase', async () => {
    const signer = await createSignerOpener(() => 'open sesame').open(certificate, encrypted);
    const signature = await signer.sign('sha1', parts);
    expect(verifier.verifyRsa(certificate.publicKey.spki, 'sha1', parts, signature)).toBe(true);
  });

  test('with another or without one: passphrase-wrong, and the message names no secret', async () => {
    const failure = await createSignerOpener(() => 'OPEN SESAME')
      .open(certificate, encrypted)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ code: 'passphrase-wrong' });
    expect(String(failure)).not.toContain('SESAME');
    expect(() => readPrivateKey(encrypted)).toThrow(expect.objectContaining({ code: 'passphrase-wrong' }));
  });

  test('the key of another certificate is refused', async () => {
    const opener = createSignerOpener(() => 'open sesame');
    await expect(opener.open(certificateOf(pem('tvs')), encrypted)).rejects.toMatchObject({ code: 'format' });
  });

  test('a PEM without a key, with a damaged key, with a key but no certificate', () => {
    const failure = expect.objectContaining({ code: 'format' });
    const certificateOnly = pem('callmanager').slice(0, pem('callmanager').indexOf('-----BEGIN PRIVATE'));
    expect(() => readPrivateKeyPem(certificateOnly)).toThrow(failure);
    expect(() =>
      readPrivateKeyPem(pem('callmanager').replace('-----BEGIN PRIVATE KEY-----\n', '$&AAAA')),
    ).toThrow(failure);
    expect(() => readPrivateKeyPem(pem('callmanager').slice(certificateOnly.length))).toThrow(failure);
    const signer = readPrivateKeyPem(
      pem('callmanager').slice(certificateOnly.length),
      undefined,
      certificate,
    );
    expect(signer.certificate).toBe(certificate);
  });

  test('keys of older programs: PKCS#1, SEC 1, RFC 1421 encryption', () => {
    const rsa = createPrivateKey(pem('callmanager'));
    const legacy = { format: 'pem', type: 'pkcs1' } as const;
    expect(readPrivateKey(rsa.export(legacy).toString()).equals(rsa)).toBe(true);
    const encrypted1421 = rsa.export({ ...legacy, cipher: 'aes-256-cbc', passphrase: 'old' }).toString();
    expect(readPrivateKey(encrypted1421, 'old').equals(rsa)).toBe(true);
    expect(() => readPrivateKey(encrypted1421, 'new')).toThrow(
      expect.objectContaining({ code: 'passphrase-wrong' }),
    );
    expect(readPrivateKey(pem('callmanager-ec')).asymmetricKeyType).toBe('ec');
  });

  test('a random passphrase has 256 bits and never repeats', () => {
    expect(randomPassphrase()).toMatch(/^random-[\w-]{43}$/);
    expect(randomPassphrase()).not.toBe(randomPassphrase());
  });

  test('rounds protect what a person made up; 256 random bits need none, and their keys open at once', () => {
    const key = createPrivateKey(pem('callmanager-ec'));
    const random = randomPassphrase();
    const rounds = (passphrase: string): string | undefined => {
      const encrypted = encryptPrivateKey(key, passphrase);
      expect(readPrivateKey(encrypted, passphrase).equals(key)).toBe(true);
      const der = Buffer.from(encrypted.replaceAll(/-----.*-----|\n/g, ''), 'base64');
      const parsed = execFileSync('openssl', ['asn1parse', '-inform', 'DER'], {
        input: der,
        encoding: 'utf8',
      });
      // The first number of the scheme (RFC 8018 appendix A.2).
      return /INTEGER +:([0-9A-F]+)/.exec(parsed)?.[1];
    };
    expect(rounds(random)).toBe((2_048).toString(16).padStart(4, '0'));
    for (const made of ['random-horse-battery', random.slice('random-'.length), `${random}0`])
      expect(rounds(made)).toBe((200_000).toString(16).padStart(6, '0').toUpperCase());
  });
});

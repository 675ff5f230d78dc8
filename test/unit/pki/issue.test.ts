import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/text.ts';
import { certificatePurposes, type CertificatePurpose } from '../../../src/core/cluster/model.ts';
import type { Issued } from '../../../src/core/ports.ts';
import { createSoftwareKeys } from '../../../src/pki/fresh-key.ts';
import { createIssuer } from '../../../src/pki/issue.ts';
import { writePem } from '../../../src/pki/pem.ts';

const passphrase = 'correct horse';
const issuer = createIssuer({ keys: createSoftwareKeys(passphrase) });
const notBeforeMs = Date.UTC(2026, 10, 21, 11, 12, 13, 999);
const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-issue-'));
afterAll(() => rmSync(folder, { recursive: true }));

function issue(
  purpose: CertificatePurpose,
  nodeName = 'cucm-a.example',
  clusterId = 'alpha',
): Promise<Issued> {
  return issuer.issue({ purpose, clusterId, nodeName, notBeforeMs });
}

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8' });
}

function certificateFile(issued: Issued): string {
  const path = join(folder, `${issued.certificate.fingerprint}.pem`);
  writeFileSync(path, writePem('CERTIFICATE', issued.certificate.der));
  return path;
}

describe('issued certificates as openssl reads them', () => {
  const expected: Record<CertificatePurpose, readonly string[]> = {
    callmanager: ['CN = cucm-a.example, OU = alpha, O = tftp-pki', '(2048 bit)', 'sha256WithRSA', 'CA:FALSE'],
    'callmanager-ec': ['CN = cucm-a-EC.example', 'NIST CURVE: P-384', 'ecdsa-with-SHA384', 'Key Agreement'],
    tvs: ['CN = cucm-a.example, OU = alpha-TVS', '(2048 bit)', 'DNS:cucm-a.example'],
    capf: ['CN = CAPF-', '(2048 bit)', 'CA:TRUE, pathlen:0', 'Certificate Sign'],
    itlrecovery: ['CN = ITLRECOVERY_cucm-a.example', '(2048 bit)', 'Not After : Nov 21 11:12:13 2046 GMT'],
    'tftp-ec': ['CN = cucm-a-TFTP-EC.example', 'NIST CURVE: P-384', 'TLS Web Server Authentication'],
  };

  test.each(certificatePurposes)('%s', async (purpose) => {
    const issued = await issue(purpose);
    const file = certificateFile(issued);
    const text = openssl('x509', '-in', file, '-noout', '-text');
    for (const words of expected[purpose]) expect(text).toContain(words);
    expect(text).toContain('Not Before: Nov 21 11:12:13 2026 GMT');
    expect(text).toContain('Version: 3');
    // Trusted by itself, with its own signature checked: what a TLS peer that pins it does.
    expect(
      openssl('verify', '-check_ss_sig', '-partial_chain', '-attime', '1800000000', '-CAfile', file, file),
    ).toContain(': OK');

    const key = createPrivateKey({ key: issued.encryptedKeyPem, passphrase });
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    expect(toHex(spki)).toBe(toHex(issued.certificate.publicKey.spki));
  });

  test('serials have 16 bytes, are positive without a zero byte, and differ', async () => {
    const serials = await Promise.all(Array.from({ length: 8 }, () => issue('tftp-ec')));
    for (const { certificate } of serials) {
      expect(certificate.serial).toHaveLength(16);
      expect(certificate.serial[0]).toBeGreaterThan(0);
      expect(certificate.serial[0]).toBeLessThan(0x80);
    }
    expect(new Set(serials.map(({ certificate }) => toHex(certificate.serial))).size).toBe(8);
  });

  test('a node named by its address gets an address as alternative name', async () => {
    const text = openssl(
      'x509',
      '-in',
      certificateFile(await issue('tftp-ec', '192.0.2.7')),
      '-noout',
      '-text',
    );
    expect(text).toContain('IP Address:192.0.2.7');
  });

  test('a cluster name beyond ASCII survives', async () => {
    expect((await issue('tftp-ec', 'node', 'Rīga')).certificate.subject).toBe(
      'CN=node-TFTP-EC;OU=Rīga;O=tftp-pki',
    );
  });

  test('a name that does not fit into a common name is refused', async () => {
    await expect(issue('itlrecovery', `${'n'.repeat(60)}.example`)).rejects.toMatchObject({
      code: 'refused',
    });
  });
});

describe('the key at rest', () => {
  test('is encrypted, opens with openssl and the passphrase, and with no other', async () => {
    const { encryptedKeyPem } = await issue('callmanager-ec');
    expect(encryptedKeyPem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const file = join(folder, 'key.pem');
    writeFileSync(file, encryptedKeyPem, { mode: 0o600 });
    expect(openssl('pkey', '-in', file, '-passin', `pass:${passphrase}`, '-noout', '-text')).toContain(
      'secp384r1',
    );
    expect(() =>
      execFileSync('openssl', ['pkey', '-in', file, '-passin', 'pass:other', '-noout'], { stdio: 'ignore' }),
    ).toThrow('Command failed');
    const structure = openssl('asn1parse', '-in', file);
    for (const word of ['PBES2', 'PBKDF2', 'hmacWithSHA256', 'aes-256-cbc', ':030D40'])
      expect(structure).toContain(word);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import type { CertificateFacts } from '../../../src/core/ports.ts';
import { readCertificateFile } from '../../../src/pki/certificate.ts';
import { readPublicBundle } from '../../../src/pki/certificate-bundle.ts';
import { encryptPbes2 } from '../../../src/pki/pbes2.ts';
import { macPkcs12 } from '../../../src/pki/pkcs12-mac.ts';
import { readPkcs12, readPkcs12Certificates } from '../../../src/pki/pkcs12-read.ts';
import { writePkcs12 } from '../../../src/pki/pkcs12-write.ts';
import { encryptPrivateKey, readPrivateKey } from '../../../src/pki/private-key.ts';
import { openTool, openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-p12-'));
afterAll(() => rmSync(folder, { recursive: true }));

const certificate = certificateOf('itlrecovery');
const other = certificateOf('tvs');
const key = createPrivateKey(Buffer.from(openToolFile('itlrecovery.pem')));

function certificateOf(name: string): CertificateFacts {
  const facts = readCertificateFile(openToolFile(`${name}.pem`))[0];
  if (!facts) throw new Error('no certificate');
  return facts;
}

/** `openssl pkcs12`; stdout and stderr together, because -info talks on stderr. */
function openssl(file: string, ...args: readonly string[]): string {
  const shown = join(folder, 'shown');
  return execFileSync('openssl', ['pkcs12', '-in', file, ...args, '-out', shown], {
    encoding: 'utf8',
    stdio: 'pipe',
  }).concat(readFileSync(shown, 'utf8'));
}

function exported(...args: readonly string[]): Uint8Array {
  const file = join(folder, 'exported.p12');
  const input = new URL('itlrecovery.pem', openTool).pathname;
  execFileSync('openssl', [
    'pkcs12',
    '-export',
    '-in',
    input,
    '-passout',
    'pass:open',
    '-out',
    file,
    ...args,
  ]);
  return Uint8Array.from(readFileSync(file));
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('what we write', () => {
  let withKey: string;
  let withoutKey: string;

  beforeAll(async () => {
    const entry = {
      certificate,
      friendlyName: 'ITLRECOVERY_cucm-a – Rīga',
      key: { encryptedPem: encryptPrivateKey(key, 'node'), passphrase: 'node' },
    };
    withKey = join(folder, 'with-key.p12');
    writeFileSync(withKey, writePkcs12([entry], 'exported'), { mode: 0o600 });
    withoutKey = join(folder, 'without-key.p12');
    const certificates = [certificate, other].map((each) => ({
      certificate: each,
      friendlyName: each.subject,
    }));
    writeFileSync(withoutKey, writePkcs12(certificates, 'exported'));
  });

  test('openssl opens it: certificate, key, name', () => {
    const text = openssl(withKey, '-passin', 'pass:exported', '-nodes');
    expect(text).toContain('friendlyName: ITLRECOVERY_cucm-a');
    const found = readPrivateKey(text);
    expect(found.equals(key)).toBe(true);
    expect(readCertificateFile(Buffer.from(text))[0]?.fingerprint).toBe(certificate.fingerprint);
  });

  test('with the algorithms that were meant', () => {
    const structure = execFileSync('openssl', ['asn1parse', '-inform', 'DER', '-in', withKey], {
      encoding: 'utf8',
    });
    expect(structure).toContain('sha256');
    const args = ['pkcs12', '-in', withKey, '-info', '-noout', '-passin', 'pass:exported'];
    const info = spawnSync('openssl', args, { encoding: 'utf8' }).stderr;
    expect(info).toContain('MAC: sha256, Iteration 200000');
    expect(info.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 200000, PRF hmacWithSHA256/g)).toHaveLength(2);
  });

  test('certificates alone, each marked as trusted for keytool', () => {
    const text = openssl(withoutKey, '-passin', 'pass:exported', '-nokeys');
    expect(readCertificateFile(Buffer.from(text)).map(({ fingerprint }) => fingerprint)).toEqual([
      certificate.fingerprint,
      other.fingerprint,
    ]);
    expect(text.match(/2\.16\.840\.1\.113894\.746875\.1\.1|Trusted key usage/g)).toHaveLength(2);
    expect(text).not.toContain('PRIVATE KEY');
  });

  test('we read it ourselves, and keys come encrypted under the new passphrase only', async () => {
    const [entry, ...none] = await readPkcs12(readFileSync(withKey), 'exported', 'node two');
    expect(none).toEqual([]);
    expect(entry?.certificate.fingerprint).toBe(certificate.fingerprint);
    expect(entry?.friendlyName).toBe('ITLRECOVERY_cucm-a – Rīga');
    expect(readPrivateKey(entry?.encryptedKeyPem ?? '', 'node two').equals(key)).toBe(true);
    const alone = await readPkcs12(readFileSync(withoutKey), 'exported', 'unused');
    expect(alone.map(({ encryptedKeyPem, friendlyName }) => [encryptedKeyPem, friendlyName])).toEqual([
      [undefined, certificate.subject],
      [undefined, other.subject],
    ]);
  });

  test('a passphrase that other programs would encode otherwise is refused', async () => {
    const entry = { certificate, friendlyName: 'x' };
    for (const passphrase of ['', 'naïve', 'tab\t'])
      expect(() => writePkcs12([entry], passphrase)).toThrow('printable ASCII');
  });
});

describe('what others write', () => {
  test.each([
    ['as openssl 3 does by default', []],
    ['AES-128', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC']],
    ['MAC with SHA-512', ['-macalg', 'sha512']],
    ['MAC with SHA-1', ['-macalg', 'sha1']],
    ['certificates in the clear', ['-certpbe', 'NONE']],
    ['one iteration', ['-noiter', '-nomaciter']],
  ])('openssl: %s', async (_name, args) => {
    const [entry] = await readPkcs12(exported(...args), 'open', 'node');
    expect(entry?.certificate.fingerprint).toBe(certificate.fingerprint);
    expect(readPrivateKey(entry?.encryptedKeyPem ?? '', 'node').equals(key)).toBe(true);
  });

  test('the wrong passphrase', async () => {
    await expect(readPkcs12(exported(), 'closed', 'x')).rejects.toThrow(code('passphrase-wrong'));
  });

  test('no MAC: nobody vouches for the certificates', async () => {
    await expect(readPkcs12(exported('-nomac'), 'open', 'x')).rejects.toThrow('no MAC');
  });

  test('RC2 and 3DES are for --legacy', async () => {
    const legacy = exported('-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1');
    const failure = await readPkcs12(legacy, 'open', 'x').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'refused', hint: expect.stringContaining('--legacy') });
  });

  test.each([
    ['3DES', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
    ['3DES with two keys', ['-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-2DES']],
    ['RC2-40, as openssl 1 and old Windows wrote', ['-legacy']],
    ['RC2-128', ['-legacy', '-keypbe', 'PBE-SHA1-RC2-128', '-certpbe', 'PBE-SHA1-RC2-128']],
    ['today’s, too', []],
  ])('with --legacy: %s', async (_name, args) => {
    const [entry] = await readPkcs12(exported(...args), 'open', 'node', { legacy: true });
    expect(entry?.certificate.fingerprint).toBe(certificate.fingerprint);
    expect(readPrivateKey(entry?.encryptedKeyPem ?? '', 'node').equals(key)).toBe(true);
  });

  test('with --legacy: the rounds of one file together are bounded', { timeout: 120_000 }, async () => {
    // Certificates and key each ask for 999,999: each alone would pass.
    const legacy = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
    const file = exported(...legacy, '-iter', '999999', '-nomaciter');
    await expect(readPkcs12(file, 'open', 'x', { legacy: true })).rejects.toThrow('1999998 iterations');
  });

  test('more iterations than are good for us, before they are computed', async () => {
    const file = Buffer.from(exported('-iter', '65535'));
    // Both places that hold the count: 00ffff as INTEGER 02 03, made 02 03 7fffff.
    const at = file.lastIndexOf(Buffer.from('020300ffff', 'hex'));
    file.write('02037fffff', at, 'hex');
    await expect(readPkcs12(file, 'open', 'x')).rejects.toThrow('8388607 iterations');
  });

  test('many parts that each ask for as much as one may', async () => {
    const empty = encryptPbes2(der(0x30), 'open', 999_999);
    const hollow = der(0x30, oid.data, empty.scheme, der(0x80, empty.bytes));
    const parts = der(0x30, oid.encrypted, der(0xa0, der(0x30, Buffer.of(2, 1, 0), hollow)));
    await expect(
      readPkcs12(sealed(der(0x30, ...Array<Buffer>(40).fill(parts))), 'open', 'x'),
    ).rejects.toThrow('more than 3000000 iterations in all');
  });

  test('a key of nobody’s is seen by whom keys are no business, and stays shut', async () => {
    const keys = exported('-nocerts', '-keypbe', 'AES-256-CBC', '-iter', '999999', '-nomaciter');
    const startMs = performance.now();
    expect(await readPkcs12Certificates(keys, 'open')).toEqual({ certificates: [], keys: 1 });
    const lookedMs = performance.now() - startMs;
    expect(await readPkcs12(keys, 'open', 'x')).toEqual([]);
    // Opening it costs the million rounds that it asks for.
    expect(lookedMs).toBeLessThan((performance.now() - startMs) / 2);
    const pem = Buffer.from(openToolFile('itlrecovery.pem'));
    expect(await readPublicBundle(pem, { passphrase: '', legacy: false })).toMatchObject({
      certificates: [{ fingerprint: certificate.fingerprint }],
      hasKey: true,
    });
  });

  test('what is no PKCS#12: nothing, PEM, a certificate, a cut file, a byte more, too much', async () => {
    const file = exported();
    const hostile = [
      new Uint8Array(),
      openToolFile('tvs.pem'),
      other.der,
      file.subarray(0, -1),
      Uint8Array.from([...file, 0]),
      file.subarray(0, 20),
    ];
    for (const bytes of hostile) await expect(readPkcs12(bytes, 'open', 'x')).rejects.toThrow(code('format'));
    const huge = new Uint8Array(4 * 1024 * 1024 + 1);
    await expect(readPkcs12(huge, 'open', 'x')).rejects.toThrow(code('refused'));
  });

  test('a change of one byte is refused, or changes nothing of what is read', async () => {
    const file = exported('-noiter', '-nomaciter');
    const said = JSON.stringify(await identities(file));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Uint8Array.from(file);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const outcome = await identities(changed).catch((error: unknown) => error);
        expect(outcome instanceof Failure || JSON.stringify(outcome) === said, `byte ${at} ^ ${flip}`).toBe(
          true,
        );
      }),
      { seed: 7292, numRuns: 400 },
    );
  });

  async function identities(file: Uint8Array) {
    const entries = await readPkcs12(file, 'open', 'x');
    return entries.map((entry) => [
      entry.certificate.fingerprint,
      entry.friendlyName,
      entry.encryptedKeyPem !== undefined,
    ]);
  }

  test('octet strings split into pieces (BER), as pkijs writes them', async () => {
    // authSafe's OCTET STRING made constructed, of two pieces; the MAC is over the joined content.
    const file = exported();
    const text = execFileSync('openssl', ['asn1parse', '-inform', 'DER'], { input: file, encoding: 'utf8' });
    const [, at = '', header = '', length = ''] =
      /^ *(\d+):d=3 +hl=(\d+) l= *(\d+) prim: OCTET STRING/m.exec(text) ?? [];
    const start = Number(at) + Number(header);
    const content = file.subarray(start, start + Number(length));
    const mac = file.subarray(start + Number(length));
    const data = Buffer.from('06092a864886f70d010701', 'hex');
    const split = der(0x24, der(0x04, content.subarray(0, 100)), der(0x04, content.subarray(100)));
    const rebuilt = der(0x30, Buffer.from([2, 1, 3]), der(0x30, data, der(0xa0, split)), mac);
    expect(await readPkcs12(rebuilt, 'open', 'node')).toHaveLength(1);
  });
});

const oid = {
  data: Buffer.from('06092a864886f70d010701', 'hex'),
  encrypted: Buffer.from('06092a864886f70d010706', 'hex'),
};

/** An authenticated safe under a right MAC of one round, with the passphrase `open`. */
function sealed(safe: Buffer): Uint8Array {
  const salt = Buffer.alloc(8, 1);
  const digest = macPkcs12(safe, { hash: 'sha256', salt, iterations: 1, passphrase: 'open' });
  const sha256 = Buffer.from('300d06096086480165030402010500', 'hex');
  const mac = der(0x30, der(0x30, sha256, der(0x04, digest)), der(0x04, salt));
  const content = der(0x30, oid.data, der(0xa0, der(0x04, safe)));
  return Uint8Array.from(der(0x30, Buffer.of(2, 1, 3), content, mac));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

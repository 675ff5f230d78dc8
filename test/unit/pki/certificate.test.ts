import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/text.ts';
import { readCertificate, readCertificateFile } from '../../../src/pki/certificate.ts';
import { openTool, openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const names = ['callmanager', 'callmanager-ec', 'capf', 'itlrecovery', 'phone', 'proxy4096', 'tvs'];

function first(name: string) {
  const facts = readCertificateFile(openToolFile(`${name}.pem`))[0];
  if (!facts) throw new Error(`no certificate in ${name}`);
  return facts;
}

describe('facts of a certificate', () => {
  test.each(names)('%s: serial, dates, fingerprint and key agree with openssl', (name) => {
    const facts = first(name);
    const openssl = execFileSync(
      'openssl',
      [
        'x509',
        '-in',
        new URL(`${name}.pem`, openTool).pathname,
        '-noout',
        '-serial',
        '-fingerprint',
        '-sha256',
      ],
      { encoding: 'utf8' },
    );
    expect(openssl).toContain(`serial=${toHex(facts.serial).toUpperCase()}`);
    expect(openssl.replaceAll(':', '').toLowerCase()).toContain(facts.fingerprint);
    const node = new X509Certificate(facts.der);
    expect(facts.notBefore).toBe(Date.parse(node.validFrom) / 1000);
    expect(facts.notAfter).toBe(Date.parse(node.validTo) / 1000);
    expect(Buffer.from(facts.publicKey.spki)).toEqual(node.publicKey.export({ type: 'spki', format: 'der' }));
  });

  test('names are written in the order of CUCM, whatever the order in the certificate', () => {
    expect(first('callmanager').subject).toBe('CN=cucm-a.example;OU=Voice;O=Example;L=Riga;ST=LV;C=LV');
    const reversed = makeCertificate('/C=LV/ST=LV/L=Riga/O=Example/OU=Voice/CN=cucm-a.example');
    expect(reversed.subject).toBe('CN=cucm-a.example;OU=Voice;O=Example;L=Riga;ST=LV;C=LV');
    expect(reversed.subjectAttributes.map(([type]) => type)).toEqual(['C', 'ST', 'L', 'O', 'OU', 'CN']);
  });

  test('an attribute without a place in the order follows the known ones', () => {
    const facts = makeCertificate('/emailAddress=a@b.example/DC=example/CN=x/GN=odd');
    expect(facts.subject).toBe('CN=x;emailAddress=a@b.example;DC=example;2.5.4.42=odd');
  });

  test('an RSA key is PKCS#1, an EC key its uncompressed point', () => {
    const rsa = first('callmanager').publicKey;
    expect(rsa.kind === 'rsa' && [rsa.modulusBits, rsa.pkcs1.length]).toEqual([2048, 270]);
    const ec = first('callmanager-ec').publicKey;
    expect(ec.kind === 'ec' && [ec.curve, ec.point.length, ec.point[0]]).toEqual(['prime256v1', 65, 4]);
  });

  test('a serial with its high bit set loses the zero that DER added, another zero it keeps', () => {
    expect(toHex(makeCertificate('/CN=x', ['-set_serial', '0xff01']).serial)).toBe('ff01');
    expect(toHex(makeCertificate('/CN=x', ['-set_serial', '0']).serial)).toBe('00');
  });

  test('the facts do not change when the caller reuses its buffer', () => {
    const der = first('tvs').der.slice();
    const facts = readCertificate(der);
    der.fill(0);
    expect(facts?.fingerprint).toBe(first('tvs').fingerprint);
    expect(toHex(facts?.der ?? der)).toBe(toHex(first('tvs').der));
  });
});

describe('what is not exactly one certificate', () => {
  const der = first('callmanager').der;

  test('a byte more, a byte less, nothing, and PEM given as DER', () => {
    expect(readCertificate(Uint8Array.from([...der, 0]))).toBeUndefined();
    expect(readCertificate(der.subarray(0, -1))).toBeUndefined();
    expect(readCertificate(new Uint8Array())).toBeUndefined();
    expect(readCertificate(openToolFile('callmanager.pem'))).toBeUndefined();
  });

  test('a NUL inside a name (it would end the text early in a list)', () => {
    const at = Buffer.from(der).indexOf('cucm-a.example');
    const changed = Uint8Array.from(der);
    changed[at + 6] = 0;
    expect(readCertificate(changed)).toBeUndefined();
  });

  test('an outer signature algorithm that is not the signed one', () => {
    // The last sha256WithRSAEncryption (…01 01 0b) stands outside of what is signed; 05 is sha1WithRSAEncryption.
    const changed = Uint8Array.from(der);
    changed[Buffer.from(der).lastIndexOf(Buffer.from('2a864886f70d01010b', 'hex')) + 8] = 0x05;
    expect(readCertificate(changed)).toBeUndefined();
  });

  test('a length in a longer form than needed (BER)', () => {
    expect(der[1]).toBe(0x82);
    const padded = Uint8Array.from([0x30, 0x83, 0, der[2] ?? 0, der[3] ?? 0, ...der.subarray(4)]);
    expect(readCertificate(padded)).toBeUndefined();
  });

  test('a certificate with an Ed25519 key', () => {
    expect(() => makeCertificate('/CN=x', [], 'ed25519')).toThrow('certificate 1 of the file cannot be read');
  });

  test('a file without a certificate is named as such', () => {
    expect(() => readCertificateFile(Buffer.from('hello'))).toThrow('no certificate found');
  });

  test('total: no bytes make it throw, and no change of one byte yields the same facts', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(der);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const facts = readCertificate(changed);
        return facts === undefined || facts.fingerprint !== first('callmanager').fingerprint;
      }),
      { seed: 5280, numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => readCertificate(bytes) === undefined),
      { seed: 5280, numRuns: 500 },
    );
  });
});

function makeCertificate(subject: string, more: readonly string[] = [], algorithm = 'ec') {
  const key = algorithm === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : [algorithm];
  const common = ['req', '-x509', '-nodes', '-keyout', '/dev/null', '-days', '1', '-subj', subject];
  const pem = execFileSync('openssl', [...common, '-newkey', ...key, ...more], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const facts = readCertificateFile(pem)[0];
  if (!facts) throw new Error('openssl made no certificate');
  return facts;
}

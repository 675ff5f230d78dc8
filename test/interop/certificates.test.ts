/**
 * Certificates and keys across programs, as a table: openssl, keytool and GnuTLS with our PKCS#12, we with theirs, and
 * what they make of our request, chain and .p7b. A cell that is not `yes` fails; `-` is what a program cannot do.
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { readCertificateFile } from '../../src/pki/certificate.ts';
import { writeCmsCertificates } from '../../src/pki/cms-certificates.ts';
import { createSoftwareKeys } from '../../src/pki/fresh-key.ts';
import { createIssuer } from '../../src/pki/issue.ts';
import { writePem } from '../../src/pki/pem.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { encryptPrivateKey, readPrivateKey } from '../../src/pki/private-key.ts';
import { makeCorporateCa } from '../helpers/corporate-ca.ts';
import { openToolFile } from '../helpers/crypto-signed-bytes.ts';
import { openToolCertificate } from '../helpers/open-tool-signers.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-interop-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const passphrase = 'opens-it';
const own = openToolCertificate('itlrecovery');
const other = openToolCertificate('tvs');
const key = createPrivateKey(Buffer.from(openToolFile('itlrecovery.pem')));

beforeAll(async () => {
  const encryptedPem = encryptPrivateKey(key, 'node');
  const withKey = { certificate: own, friendlyName: 'recovery', key: { encryptedPem, passphrase: 'node' } };
  writeFileSync(at('key.p12'), writePkcs12([withKey], passphrase));
  const alone = [own, other].map((each, index) => ({ certificate: each, friendlyName: `trusted-${index}` }));
  writeFileSync(at('alone.p12'), writePkcs12(alone, passphrase));
  const ca = makeCorporateCa(folder);
  const issuer = createIssuer({ keys: createSoftwareKeys('node') });
  const asked = { purpose: 'callmanager', clusterId: 'lab', nodeName: 'n.example', notBeforeMs: 0 } as const;
  const { requestPem } = await issuer.request(asked);
  const answerPem = ca.answer(requestPem);
  writeFileSync(at('ours.csr'), requestPem);
  writeFileSync(at('leaf.pem'), answerPem);
  writeFileSync(at('between.pem'), ca.issuingPem);
  writeFileSync(at('root.pem'), ca.rootPem);
  writeFileSync(at('chain.pem'), answerPem + ca.issuingPem + ca.rootPem);
  writeFileSync(at('ours.p7b'), writeCmsCertificates(readCertificateFile(readFileSync(at('chain.pem')))));
  // For keytool, which makes keys of its own only, and certtool, which takes files.
  writeFileSync(at('own.pem'), writePem('CERTIFICATE', own.der));
  writeFileSync(at('other.pem'), writePem('CERTIFICATE', other.der));
  writeFileSync(at('own.key'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}, 60_000);

/** stdout and stderr of a program that must end well. */
function run(program: string, ...args: readonly (readonly string[])[]): string {
  const ran = spawnSync(program, args.flat(), { encoding: 'utf8', cwd: folder });
  if (ran.status !== 0) throw new Error(`${program} ${args.flat().join(' ')}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout + ran.stderr;
}

function certificatesIn(pem: string): readonly string[] {
  if (!pem.includes('BEGIN CERTIFICATE')) return [];
  return readCertificateFile(Buffer.from(pem)).map(({ fingerprint }) => fingerprint);
}

function keysIn(pem: string): readonly KeyObject[] {
  return pem.includes('PRIVATE KEY') ? [readPrivateKey(pem)] : [];
}

/** Key and certificates that a program took out of a file, as PEM. */
function gives(pem: string, wantsKey: boolean, ...wanted: readonly CertificateFacts[]): boolean {
  const found = certificatesIn(pem);
  const [first] = keysIn(pem);
  const keyIsRight = wantsKey ? (first?.equals(key) ?? false) : first === undefined;
  return keyIsRight && wanted.every(({ fingerprint }) => found.includes(fingerprint));
}

/** What we read in a file of theirs. */
async function weRead(
  file: string,
  wanted: readonly CertificateFacts[],
  wantsKey: boolean,
): Promise<boolean> {
  const entries = await readPkcs12(readFileSync(at(file)), passphrase, 'node');
  const keys = entries.flatMap(({ encryptedKeyPem }) => encryptedKeyPem ?? []);
  const found = entries.map(({ certificate }) => certificate.fingerprint);
  const keyIsRight = wantsKey ? readPrivateKey(keys[0] ?? '', 'node').equals(key) : keys.length === 0;
  return keyIsRight && wanted.every(({ fingerprint }) => found.includes(fingerprint));
}

type Cell = (() => boolean | Promise<boolean>) | undefined;
const columns = ['openssl', 'keytool', 'GnuTLS'] as const;
const pass = ['-passin', `pass:${passphrase}`];
const out = ['-passout', `pass:${passphrase}`];
const store = (file: string): readonly string[] => [
  '-keystore',
  file,
  '-storepass',
  passphrase,
  '-storetype',
  'PKCS12',
];
const p12 = (file: string): readonly string[] => [
  '--p12-info',
  '--inder',
  '--infile',
  file,
  '--password',
  passphrase,
];

const rows: readonly (readonly [string, readonly [Cell, Cell, Cell]])[] = [
  [
    'reads our PKCS#12 with a key',
    [
      () => gives(run('openssl', ['pkcs12', '-in', 'key.p12', '-nodes'], pass), true, own),
      () => {
        const to = ['-destkeystore', 'copied.p12', '-deststoretype', 'PKCS12', '-deststorepass', passphrase];
        const from = ['-srckeystore', 'key.p12', '-srcstoretype', 'PKCS12', '-srcstorepass', passphrase];
        run('keytool', ['-importkeystore', '-noprompt'], from, to);
        return gives(run('openssl', ['pkcs12', '-in', 'copied.p12', '-nodes'], pass), true, own);
      },
      () => {
        // It takes the key out as it stands in the file, and opens it in a second step.
        const shown = run('certtool', p12('key.p12'));
        writeFileSync(at('shown.pem'), shown.slice(shown.indexOf('-----BEGIN ENCRYPTED')));
        const opened = run('certtool', ['--key-info', '--infile', 'shown.pem', '--password', passphrase]);
        return gives(opened, true) && certificatesIn(shown).includes(own.fingerprint);
      },
    ],
  ],
  [
    'reads our PKCS#12 of certificates',
    [
      () => gives(run('openssl', ['pkcs12', '-in', 'alone.p12'], pass), false, own, other),
      () => {
        const listed = run('keytool', ['-list', '-rfc'], store('alone.p12'));
        const trusted = listed.match(/Entry type: trustedCertEntry/g) ?? [];
        return trusted.length === 2 && gives(listed, false, own, other);
      },
      () => gives(run('certtool', p12('alone.p12')), false, own, other),
    ],
  ],
  [
    'we read its PKCS#12 with a key',
    [
      () => {
        run(
          'openssl',
          ['pkcs12', '-export', '-in', 'own.pem', '-inkey', 'own.key', '-out', 'openssl.p12'],
          out,
        );
        return weRead('openssl.p12', [own], true);
      },
      () => weRead('copied.p12', [own], true),
      () => {
        const from = ['--load-privkey', 'own.key', '--load-certificate', 'own.pem', '--p12-name', 'recovery'];
        run('certtool', ['--to-p12', '--outder', '--outfile', 'gnutls.p12', '--password', passphrase], from);
        return weRead('gnutls.p12', [own], true);
      },
    ],
  ],
  [
    'we read its PKCS#12 of certificates',
    [
      () => {
        run('openssl', ['pkcs12', '-export', '-nokeys', '-in', 'own.pem', '-out', 'openssl-alone.p12'], out);
        return weRead('openssl-alone.p12', [own], false);
      },
      () => {
        for (const name of ['own', 'other'])
          run(
            'keytool',
            ['-importcert', '-noprompt', '-alias', name, '-file', `${name}.pem`],
            store('keytool.p12'),
          );
        return weRead('keytool.p12', [own, other], false);
      },
      () => {
        const from = ['--load-certificate', 'own.pem', '--p12-name', 'recovery'];
        run(
          'certtool',
          ['--to-p12', '--outder', '--outfile', 'gnutls-alone.p12', '--password', passphrase],
          from,
        );
        return weRead('gnutls-alone.p12', [own], false);
      },
    ],
  ],
  [
    'verifies our request (PKCS#10)',
    [
      () => run('openssl', ['req', '-in', 'ours.csr', '-verify', '-noout']).includes('verify OK'),
      () => run('keytool', ['-printcertreq', '-file', 'ours.csr']).includes('n.example'),
      () => run('certtool', ['--crq-info', '--infile', 'ours.csr']).includes('Self signature: verified'),
    ],
  ],
  [
    'verifies the chain of the answer',
    [
      () =>
        run('openssl', ['verify', '-CAfile', 'root.pem', '-untrusted', 'between.pem', 'leaf.pem']).includes(
          'OK',
        ),
      undefined,
      () =>
        run('certtool', ['--verify-chain', '--infile', 'chain.pem']).includes('The certificate is trusted'),
    ],
  ],
  [
    'verifies the chain that our .p7b (CMS) brings',
    [
      () => {
        // It has no signer (RFC 5652 §5.1, certificates alone): what can be verified are the certificates in it.
        run('openssl', ['cms', '-cmsout', '-inform', 'DER', '-in', 'ours.p7b', '-noout']);
        run('openssl', ['pkcs7', '-inform', 'DER', '-in', 'ours.p7b', '-print_certs', '-out', 'brought.pem']);
        return run('openssl', [
          'verify',
          '-CAfile',
          'root.pem',
          '-untrusted',
          'brought.pem',
          'leaf.pem',
        ]).includes('OK');
      },
      undefined,
      undefined,
    ],
  ],
  [
    'reads our .p7b (CMS)',
    [
      () => readsAll(run('openssl', ['pkcs7', '-inform', 'DER', '-in', 'ours.p7b', '-print_certs'])),
      () => readsAll(run('keytool', ['-printcert', '-rfc', '-file', 'ours.p7b'])),
      () => readsAll(run('certtool', ['--p7-info', '--inder', '--infile', 'ours.p7b'])),
    ],
  ],
];

function readsAll(pem: string): boolean {
  const chain = readCertificateFile(readFileSync(at('chain.pem')));
  const found = certificatesIn(pem);
  return chain.every(({ fingerprint }) => found.includes(fingerprint));
}

test('the table', { timeout: 240_000 }, async () => {
  const table: Record<string, Record<string, string>> = {};
  const failures: string[] = [];
  for (const [what, cells] of rows) {
    const row: Record<string, string> = (table[what] = {});
    for (const [index, column] of columns.entries()) {
      const cell = cells[index];
      if (cell === undefined) {
        row[column] = '-';
        continue;
      }
      try {
        row[column] = (await cell()) ? 'yes' : 'NO';
      } catch (error) {
        row[column] = 'NO';
        failures.push(String(error));
      }
      if (row[column] === 'NO') failures.push(`${column} ${what}`);
    }
  }
  const versions = [run('openssl', ['version']), run('certtool', ['--version'])].map(
    (text) => text.split('\n')[0],
  );
  console.log(
    `${versions.join(', ')}, ${spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr.split('\n')[0]}`,
  );
  console.table(table);
  expect(failures).toEqual([]);
});

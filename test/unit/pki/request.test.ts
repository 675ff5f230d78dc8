import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificatePurposes } from '../../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../../src/core/ports.ts';
import { readCertificateFile } from '../../../src/pki/certificate.ts';
import { readCertificateBundle, type BundleSecrets } from '../../../src/pki/certificate-bundle.ts';
import { writeCmsCertificates } from '../../../src/pki/cms-certificates.ts';
import { createSoftwareKeys } from '../../../src/pki/fresh-key.ts';
import { createIssuer } from '../../../src/pki/issue.ts';
import { validatePath } from '../../../src/pki/path.ts';
import { writePem } from '../../../src/pki/pem.ts';
import { judgeSuitability, namesHost } from '../../../src/pki/suitable.ts';
import { makeCorporateCa, type CorporateCa } from '../../helpers/corporate-ca.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-request-'));
afterAll(() => rmSync(folder, { recursive: true }));

const issuer = createIssuer({ keys: createSoftwareKeys('correct horse') });
const node = 'cucm-a.example';
const request = (purpose: (typeof certificatePurposes)[number], nodeName = node) =>
  issuer.request({ purpose, clusterId: 'alpha', nodeName, notBeforeMs: 0 });
/** A little later than now, for the certificates are made after this line. */
const nowSeconds = Math.floor(Date.now() / 1000) + 60;
const day = 86_400;
const noSecrets: BundleSecrets = { filePassphrase: refuse, keyPassphrase: refuse, legacy: false };

let ca: CorporateCa;
let root: CertificateFacts;
let issuing: CertificateFacts;
let answers: Record<'callmanager' | 'tvs', CertificateFacts>;

beforeAll(async () => {
  ca = makeCorporateCa(folder);
  root = only(ca.rootPem);
  issuing = only(ca.issuingPem);
  answers = {
    callmanager: only(ca.answer((await request('callmanager')).requestPem)),
    tvs: only(ca.answer((await request('tvs')).requestPem)),
  };
});

function only(pem: string): CertificateFacts {
  const [certificate] = readCertificateFile(Buffer.from(pem));
  if (!certificate) throw new Error('no certificate');
  return certificate;
}

function refuse(): never {
  throw new Error('no passphrase belongs here');
}

describe('a request as openssl reads it', () => {
  test.each(certificatePurposes)(
    '%s: its own signature is right, it asks for what the profile says',
    async (purpose) => {
      const { requestPem, subject, keyId } = await request(purpose);
      const file = join(folder, `${purpose}.csr`);
      writeFileSync(file, requestPem);
      const text = execFileSync('openssl', ['req', '-in', file, '-verify', '-noout', '-text'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(text).toContain('Digital Signature');
      expect(text).toContain(subject.split(';')[0]?.replace('=', ' = '));
      if (purpose === 'tvs') expect(text).toContain(`DNS:${node}`);
      expect(text.includes('CA:TRUE')).toBe(purpose === 'capf');
      expect(keyId).toMatch(/^[0-9a-f]{64}$/);
    },
  );
});

describe('the path to the root (RFC 5280 §6)', () => {
  const pathOf = (leaf: CertificateFacts, others: readonly CertificateFacts[], at = nowSeconds) =>
    validatePath(leaf, others, at);

  test('is found in any order, with strangers beside it', async () => {
    const stranger = only((await issued('itlrecovery')).pem);
    const path = await pathOf(answers.tvs, [stranger, root, answers.callmanager, issuing]);
    expect(path).toEqual({ ok: true, value: [answers.tvs, issuing, root] });
  });

  test('ends nowhere without the root, or without the CA between', async () => {
    expect((await pathOf(answers.tvs, [issuing])).ok).toBe(false);
    expect((await pathOf(answers.tvs, [root])).ok).toBe(false);
    expect((await pathOf(answers.tvs, [])).ok).toBe(false);
  });

  test('must be valid at that time', async () => {
    expect((await pathOf(answers.tvs, [issuing, root], nowSeconds + 2_000 * day)).ok).toBe(false);
    expect((await pathOf(answers.tvs, [issuing, root], nowSeconds - day)).ok).toBe(false);
  });

  test('is refused when another CA of the same name stands in', async () => {
    const other = makeCorporateCa(mkdtempSync(join(folder, 'other-')));
    expect((await pathOf(answers.tvs, [only(other.issuingPem), only(other.rootPem)])).ok).toBe(false);
  });

  test('is refused when one bit of the answer changed', async () => {
    const der = Uint8Array.from(answers.tvs.der);
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect((await pathOf(only(writePem('CERTIFICATE', der)), [issuing, root])).ok).toBe(false);
  });

  test('of a certificate that signed itself is itself', async () => {
    const own = only((await issued('callmanager')).pem);
    expect(await pathOf(own, [])).toEqual({ ok: true, value: [own] });
  });

  test('does not lead through an end entity', async () => {
    const leafOnly = only(
      ca.answer((await request('callmanager')).requestPem, ['basicConstraints=critical,CA:FALSE']),
    );
    expect((await pathOf(leafOnly, [answers.callmanager, root])).ok).toBe(false);
  });

  async function issued(purpose: (typeof certificatePurposes)[number]) {
    const { certificate } = await issuer.issue({
      purpose,
      clusterId: 'alpha',
      nodeName: node,
      notBeforeMs: Date.now(),
    });
    return { pem: writePem('CERTIFICATE', certificate.der) };
  }
});

describe('an answer serves its purpose', () => {
  test('when it says what was asked', () => {
    expect(judgeSuitability('tvs', node, answers.tvs)).toEqual({ reasons: [], warnings: [] });
    expect(judgeSuitability('callmanager', node, answers.callmanager).reasons).toEqual([]);
  });

  test.each([
    ['a CA', 'tvs', ['basicConstraints=CA:TRUE'], 'it is the certificate of a CA'],
    ['no CA', 'capf', ['basicConstraints=CA:FALSE'], 'it is not the certificate of a CA'],
    [
      'a client only',
      'tvs',
      ['extendedKeyUsage=clientAuth'],
      'its extended key usage does not allow serverAuth',
    ],
    [
      'encipherment only',
      'callmanager',
      ['keyUsage=keyEncipherment'],
      'its key usage does not allow digitalSignature',
    ],
    [
      'a leaf',
      'capf',
      ['basicConstraints=CA:TRUE', 'keyUsage=digitalSignature'],
      'its key usage does not allow keyCertSign',
    ],
  ] as const)('not as %s', async (_what, purpose, extensions, reason) => {
    const answer = only(ca.answer((await request(purpose)).requestPem, extensions));
    expect(judgeSuitability(purpose, node, answer).reasons).toEqual([reason]);
  });

  test('not with a key of another kind; a missing name is a warning', () => {
    expect(judgeSuitability('tftp-ec', node, answers.tvs).reasons).toEqual(['its key is not EC on P-384']);
    expect(judgeSuitability('tvs', 'other.example', answers.tvs).warnings).toEqual([
      'its subject alternative names lack other.example',
    ]);
  });

  test('names a host by DNS name or address, and by nothing else', async () => {
    expect(namesHost(answers.tvs, node.toUpperCase())).toBe(true);
    expect(namesHost(answers.tvs, 'other.example')).toBe(false);
    const address = await request('tvs', '192.0.2.7');
    const answer = only(ca.answer(address.requestPem, ['subjectAltName=IP:192.0.2.7,IP:2001:db8::7']));
    expect(namesHost(answer, '192.0.2.7')).toBe(true);
    expect(namesHost(answer, node)).toBe(false);
  });

  test('with no extensions at all, since absence allows', async () => {
    const plain = only(ca.answer((await request('callmanager')).requestPem, ['']));
    expect(judgeSuitability('callmanager', node, plain).reasons).toEqual([]);
  });
});

describe('chains as CAs hand them out', () => {
  const prints = (entries: readonly { readonly certificate: CertificateFacts }[]): readonly string[] =>
    entries.map(({ certificate }) => certificate.fingerprint).toSorted();
  const whole = (): readonly string[] =>
    [answers.tvs, issuing, root].map(({ fingerprint }) => fingerprint).toSorted();

  test.each(['PEM', 'DER'] as const)('openssl’s .p7b in %s', async (form) => {
    const chain = join(folder, 'chain.pem');
    const file = join(folder, 'chain.p7b');
    writeFileSync(
      chain,
      [answers.tvs, issuing, root].map(({ der }) => writePem('CERTIFICATE', der)).join(''),
    );
    execFileSync('openssl', ['crl2pkcs7', '-nocrl', '-certfile', chain, '-outform', form, '-out', file]);
    expect(prints(await readCertificateBundle(readFileSync(file), noSecrets))).toEqual(whole());
  });

  test('ours, in openssl and back', async () => {
    const ours = writeCmsCertificates([answers.tvs, issuing, root]);
    const text = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], {
      input: ours,
      encoding: 'utf8',
    });
    expect(
      readCertificateFile(Buffer.from(text))
        .map(({ fingerprint }) => fingerprint)
        .toSorted(),
    ).toEqual(whole());
    expect(prints(await readCertificateBundle(ours, noSecrets))).toEqual(whole());
  });

  test('one DER certificate, several PEM ones, and nothing', async () => {
    expect(await readCertificateBundle(root.der, noSecrets)).toHaveLength(1);
    expect(await readCertificateBundle(Buffer.from(ca.rootPem + ca.issuingPem), noSecrets)).toHaveLength(2);
    await expect(readCertificateBundle(Buffer.from('hello'), noSecrets)).rejects.toMatchObject({
      code: 'format',
    });
  });

  test('a .p7b that is cut, or has a byte more, is refused with its name', async () => {
    const ours = writeCmsCertificates([root]);
    for (const hostile of [ours.subarray(0, -2), Uint8Array.from([...ours, 0])])
      await expect(readCertificateBundle(hostile, noSecrets)).rejects.toMatchObject({ code: 'format' });
  });
});

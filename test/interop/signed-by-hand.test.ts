/** The hand-written cut, tried on files of an independent tool before it judges ours. */
import { readdirSync, readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createVerifier } from '../../src/pki/verifier.ts';
import { judgeCases, strictCases, vectorBytes } from '../helpers/trust-vectors.ts';
import {
  cutSigned,
  listedCertificates,
  opensslHolds,
  opensslVerifies,
  signatureHolds,
} from './signed-by-hand.ts';

const vectors = join(import.meta.dirname, '../vectors/open-tool');
const read = (name: string) => readFileSync(join(vectors, name));
const certificate = (name: string) => new X509Certificate(read(name)).raw;

it.each([
  ['Ringlist-sha1.xml.sgn', 'callmanager.pem'],
  ['Ringlist-sha512.xml.sgn', 'callmanager.pem'],
  ['Ringlist-sha512-rsa4096.xml.sgn', 'proxy4096.pem'],
  ['ITL-sha1.tlv', 'itlrecovery.pem'],
  ['CTL-sha512.tlv', 'callmanager.pem'],
])('%s verifies with %s and with no other', (file, signer) => {
  const cut = cutSigned(read(file));
  expect(opensslVerifies(cut, certificate(signer))).toBe(true);
  expect(opensslVerifies(cut, certificate('tvs.pem'))).toBe(false);
  expect(
    opensslVerifies(
      { ...cut, toBeSigned: Buffer.concat([cut.toBeSigned, Buffer.of(0)]) },
      certificate(signer),
    ),
  ).toBe(false);
});

it('cuts the content and the certificates', () => {
  expect(cutSigned(read('Ringlist-sha1.xml.sgn')).body).toEqual(read('Ringlist-sha1.xml'));
  expect(listedCertificates(read('ITL-sha1.tlv')).map(({ der }) => der)).toContainEqual(
    certificate('tvs.pem'),
  );
});

/** Of every list of the vectors, as far as it can be cut. */
const listed = (['strict', 'judge'] as const).flatMap((folder) =>
  readdirSync(join(vectors, '..', folder))
    .filter((name) => name.endsWith('.bin'))
    .flatMap((name) => certificatesOf(folder, name.replace('.bin', ''))),
);
const certificates = [...new Map(listed.map((der) => [der.toString('latin1'), der])).values()];

function certificatesOf(folder: 'strict' | 'judge', name: string): readonly Buffer[] {
  const bytes = Buffer.from(vectorBytes(folder, name));
  if (bytes.subarray(0, 5).toString('hex') !== '0100020102') return [];
  try {
    return listedCertificates(bytes).flatMap(({ der }) => (isCertificate(der) ? [der] : []));
  } catch (error) {
    // Lists that are spoilt on purpose; their signers stand in others too.
    expect(error).toBeInstanceOf(Error);
    return [];
  }
}

function isCertificate(der: Buffer): boolean {
  return createVerifier().readCertificate(der) !== undefined;
}

/** By no key; another code says that it is good, and by the key of somebody else, or that its algorithm is not named right. */
const isBroken = /^signature-(?:zero|out-of-range|padding|hash-differs|content|length)$/;

it('openssl says of every vector what node:crypto says, and nothing else than the verdict of the vector', () => {
  const verdicts = [
    ...strictCases().map(({ file, expect: code }) => ['strict', file, code] as const),
    ...judgeCases().map(({ file, code }) => ['judge', file, code] as const),
  ];
  const files = new Map<string, string[]>();
  for (const [folder, file, code] of verdicts) {
    const key = `${folder}/${file}`;
    files.set(key, [...(files.get(key) ?? []), code]);
  }
  const count = { holds: 0, fails: 0 };
  for (const [key, codes] of files) {
    const bytes = vectorBytes(key.startsWith('strict') ? 'strict' : 'judge', key.replace(/^.*\//, ''));
    const holds = opensslHolds(bytes, certificates);
    expect([key, signatureHolds(bytes, certificates)]).toEqual([key, holds]);
    if (holds) expect([key, codes.filter((code) => isBroken.test(code))]).toEqual([key, []]);
    else expect([key, codes.filter((code) => /^accepted-(?:by|first|same)/.test(code))]).toEqual([key, []]);
    if (holds) count.holds++;
    else count.fails++;
  }
  expect(count.holds).toBeGreaterThan(50);
  expect(count.fails).toBeGreaterThan(25);
}, 120_000);

it('openssl verifies every file of the open tool, and none with its last byte changed', () => {
  const names = readdirSync(vectors, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(sgn|tlv)$/.test(name),
  );
  expect(names).toHaveLength(12);
  const known = ['itlrecovery.pem', 'callmanager.pem', 'proxy4096.pem'].map(certificate);
  for (const name of names) {
    const bytes = read(name);
    expect([name, opensslHolds(bytes, known)]).toEqual([name, true]);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    expect([name, opensslHolds(bytes, known)]).toEqual([name, false]);
  }
}, 60_000);

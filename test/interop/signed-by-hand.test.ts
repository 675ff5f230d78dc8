/** The hand-written cut, tried on files of an independent tool before it judges ours. */
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cutSigned, listedCertificates, opensslVerifies } from './signed-by-hand.ts';

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

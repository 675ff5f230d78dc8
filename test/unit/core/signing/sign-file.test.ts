import { createVerify, X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Signer } from '../../../../src/core/ports.ts';
import { signFile, signFileHeader, type SignFileRequest } from '../../../../src/core/signing/sign-file.ts';
import { signHeader } from '../../../../src/core/signing/sign-header.ts';
import { decodeEncryptedFile } from '../../../../src/wire/encrypted-file.ts';
import { decodeSignedFile } from '../../../../src/wire/signed-file.ts';
import { cutSignedFile, openToolFile } from '../../../helpers/crypto-signed-bytes.ts';
import { openToolSigner } from '../../../helpers/open-tool-signers.ts';

const callManager = openToolSigner('callmanager');
const content = openToolFile('Ringlist-sha1.xml');

const request: SignFileRequest = {
  content,
  fileName: 'Ringlist.xml.sgn',
  timestamp: 1_795_252_212,
  hash: 'sha1',
  signer: callManager,
};

/** By the rule of formats.md §1, cut without the product's codec. */
function holds(file: Uint8Array, signer: Signer, hash: string): boolean {
  const { signed, signature } = cutSignedFile(file);
  const verify = createVerify(hash);
  for (const part of signed) verify.update(part);
  return verify.verify(new X509Certificate(signer.certificate.der).publicKey, signature);
}

describe('signFile', () => {
  it.each([
    ['callmanager', 'sha1', 2],
    ['callmanager', 'sha512', 2],
    ['capf', 'sha512', 1],
    ['proxy4096', 'sha1', 3],
  ] as const)('signs with %s and %s; anybody verifies the cut bytes', async (name, hash, modulusCode) => {
    const signer = openToolSigner(name);
    const file = await signFile({ ...request, hash, signer, allowRsa4096: true });
    expect(holds(file, signer, hash)).toBe(true);
    expect(holds(file, openToolSigner('itlrecovery'), hash)).toBe(false);
    const decoded = decodeSignedFile(file);
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        content,
        header: {
          kind: 'signed-file',
          version: { major: 1, minor: 0 },
          signerVersion: undefined,
          signer: {
            name: signer.certificate.subject,
            issuer: signer.certificate.issuer,
            serial: signer.certificate.serial,
          },
          digestCode: hash === 'sha1' ? 1 : 3,
          signatureAlgorithmCode: 0,
          modulusCode,
          fileName: 'Ringlist.xml.sgn',
          timestamp: 1_795_252_212,
        },
      },
    });
  });

  it('signs an empty file and one that is signed itself (security.md §2)', async () => {
    const inner = await signFile({ ...request, content: new Uint8Array() });
    const outer = await signFile({ ...request, content: inner });
    expect(holds(inner, callManager, 'sha1')).toBe(true);
    expect(holds(outer, callManager, 'sha1')).toBe(true);
    expect(decodeSignedFile(outer)).toMatchObject({ ok: true, value: { content: inner } });
  });

  it('gives the same bytes for the same request: PKCS#1 v1.5 has no salt', async () => {
    expect(await signFile(request)).toEqual(await signFile({ ...request }));
  });

  it('gives a header to keep, at most 1 KiB (design.md §5)', async () => {
    const file = await signFile(request);
    const header = await signFileHeader(request);
    expect(file.subarray(0, header.length)).toEqual(header);
    expect(file.subarray(header.length)).toEqual(content);
    expect(header.length).toBeLessThanOrEqual(1024);
  });

  it('any content and name verify', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        fc.string({ minLength: 1, maxLength: 128 }),
        fc.nat(0xffffffff),
        async (bytes, fileName, timestamp) => {
          const file = await signFile({ ...request, content: bytes, fileName, timestamp });
          expect(holds(file, callManager, 'sha1')).toBe(true);
          expect(decodeSignedFile(file)).toMatchObject({
            ok: true,
            value: { header: { fileName, timestamp } },
          });
        },
      ),
      { numRuns: 60, seed: 10 },
    );
  });
});

describe('signHeader', () => {
  it('signs an encrypted configuration over header, items 16 to 27 and ciphertext', async () => {
    const original = decodeEncryptedFile(openToolFile('enc1/SEP001122334455.cnf.xml.enc.sgn'));
    if (!original.ok) throw new Error(original.error.message);
    const { encryption, ciphertext } = original.value;
    const fileName = 'SEP001122334455.cnf.xml.enc.sgn';
    const version = { major: 2, minor: 0 };
    const header = await signHeader({ ...request, version, fileName, encryption, content: [ciphertext] });
    const file = Uint8Array.from([...header, ...ciphertext]);
    expect(decodeEncryptedFile(file)).toMatchObject({ ok: true, value: { encryption, ciphertext } });
    const { signatureItem } = original.value.header;
    expect(signatureItem.end - signatureItem.start).toBe(3 + 256);
    // The independent cut knows no encryption container: hand it the file with that container opened.
    const decoded = decodeSignedFile(file);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const { start, end } = decoded.value.header.signatureItem;
    const verify = createVerify('sha1').update(file.subarray(0, start)).update(file.subarray(end));
    const { publicKey } = new X509Certificate(callManager.certificate.der);
    expect(verify.verify(publicKey, file.subarray(start + 3, end))).toBe(true);
  });
});

describe('a signer refuses (security.md §2)', () => {
  /** A signer whose key has other bits; it must not come to signing. */
  function withBits(modulusBits: number): Signer {
    const { certificate } = callManager;
    if (certificate.publicKey.kind !== 'rsa') throw new Error('the CallManager key is RSA');
    return {
      certificate: { ...certificate, publicKey: { ...certificate.publicKey, modulusBits } },
      sign: () => Promise.reject(new Error('asked to sign')),
    };
  }

  it.each([
    ['RSA-3072, which has no modulus code', withBits(3072), 'RSA-3072'],
    ['RSA-512', withBits(512), 'RSA-512'],
    ['RSA-1023, which the code of RSA-1024 would name', withBits(1023), 'RSA-1023'],
    ['RSA-4096 without asking', openToolSigner('proxy4096'), 'RSA-4096'],
    ['an EC key', openToolSigner('callmanager-ec'), 'EC key'],
  ])('%s', async (_name, signer, words) => {
    await expect(signFile({ ...request, signer })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(words),
    });
  });

  it('RSA-3072 even when asked for RSA-4096', async () => {
    const asked = signFile({ ...request, signer: withBits(3072), allowRsa4096: true });
    await expect(asked).rejects.toMatchObject({ code: 'refused' });
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(129)],
    ['with NUL', 'Ringlist.xml\0.sgn'],
    ['with a line break', 'Ringlist.xml\n.sgn'],
    ['beyond ASCII', 'Ringliste-ü.xml.sgn'],
  ])('a name that is %s', async (_name, fileName) => {
    await expect(signFile({ ...request, fileName })).rejects.toMatchObject({ code: 'refused' });
  });
});

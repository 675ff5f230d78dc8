import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeLatin1, encodeLatin1, encodeUtf8 } from '../../../src/base/text.ts';
import { createSoftwareKeys } from '../../../src/pki/fresh-key.ts';
import { readPemBlocks, writePem } from '../../../src/pki/pem.ts';
import { readPrivateKey, tokenReferenceLabel } from '../../../src/pki/private-key.ts';
import { createSignerOpener } from '../../../src/pki/signer.ts';
import { createTokenKeys, tokenKeyId } from '../../../src/pki/token-key.ts';
import type { Token } from '../../../src/pki/token.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';
import { openToolCertificate } from '../../helpers/open-tool-signers.ts';

const certificate = openToolCertificate('callmanager');
const id = Uint8Array.of(0x00, 0x3b, 0xff);
const parts = [encodeUtf8('header '), encodeUtf8('content')];

/** Holds the open tool's key, or another one where it should be. */
function tokenWith(name: 'callmanager' | 'itlrecovery'): Token {
  const key = createPrivateKey(Buffer.from(openToolFile(`${name}.pem`)));
  return {
    label: 'keys; of=phones',
    makeRsaKey: async () => ({ id, spki: certificate.publicKey.spki }),
    sign: async (_id, hash, bytes) => Uint8Array.from(sign(hash, bytes, key)),
    close: async () => undefined,
  };
}

async function referenceIn(token: Token): Promise<string> {
  const made = await createTokenKeys(token, createSoftwareKeys('x')).make('callmanager', {
    type: 'rsa',
    bits: 2048,
  });
  return made.atRest;
}

describe('a key in a token', () => {
  test('is a reference at rest, whatever the label is, and signs through the token', async () => {
    const token = tokenWith('callmanager');
    const reference = await referenceIn(token);
    expect(tokenKeyId(reference)).toEqual(id);
    expect(decodeLatin1(readPemBlocks(reference)[0]?.bytes ?? id)).toBe(
      'pkcs11:token=keys%3B%20of%3Dphones;id=%00%3b%ff;type=private',
    );
    const opener = createSignerOpener(
      () => 'x',
      () => token,
    );
    const signature = await (await opener.open(certificate, reference)).sign('sha512', parts);
    const { spki } = certificate.publicKey;
    expect(createVerifier().verifyRsa(spki, 'sha512', parts, signature)).toBe(true);
  });

  test('a signature that does not verify does not leave: a fault, or the key of somebody else', async () => {
    const opener = createSignerOpener(
      () => 'x',
      () => tokenWith('itlrecovery'),
    );
    const signer = await opener.open(certificate, await referenceIn(tokenWith('callmanager')));
    await expect(signer.sign('sha1', parts)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('signed wrongly'),
    });
  });

  test('cannot be read as a key, nor used where no token is configured', async () => {
    const reference = await referenceIn(tokenWith('callmanager'));
    expect(() => readPrivateKey(reference, 'x')).toThrow('does not leave it');
    await expect(createSignerOpener(() => 'x').open(certificate, reference)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('keys.pkcs11'),
    });
  });

  test.each(['', 'pkcs11:token=a', 'pkcs11:id=%0', 'pkcs11:id=zz;type=private'])(
    'a damaged reference: %j',
    (text) => {
      const damaged = writePem(tokenReferenceLabel, encodeLatin1(text));
      expect(() => tokenKeyId(damaged)).toThrow(expect.objectContaining({ code: 'storage-corrupt' }));
    },
  );

  test('TLS and EC keys are made in software', async () => {
    const keys = createTokenKeys(tokenWith('callmanager'), createSoftwareKeys('x'));
    const made = [
      await keys.make('tvs', { type: 'rsa', bits: 2048 }),
      await keys.make('callmanager-ec', { type: 'ec', curve: 'P-384' }),
    ];
    for (const { atRest } of made) expect(tokenKeyId(atRest)).toBeUndefined();
  });
});

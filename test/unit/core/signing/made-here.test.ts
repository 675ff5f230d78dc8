/** The files that docs/formats shows are what the program makes, and others take them. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { noTrust, verifyStrict } from '../../../../src/core/trust/strict.ts';
import { verifyAgain } from '../../../../src/node/second-verifier.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { filesMadeHere, madeHereFolder } from '../../../../tools/vectors/made-here.ts';
import { openToolCertificate } from '../../../helpers/open-tool-signers.ts';
import { now } from '../../../helpers/trust-builder.ts';
import { signatureHolds } from '../../../interop/signed-by-hand.ts';

const read = (name: string): Uint8Array => Uint8Array.from(readFileSync(new URL(name, madeHereFolder)));

it('npx tsx tools/vectors/made-here.ts writes the same bytes again', async () => {
  for (const [name, bytes] of Object.entries(await filesMadeHere()))
    expect([name, Buffer.compare(read(name), bytes)]).toEqual([name, 0]);
});

it.each(['Ringlist.xml.sgn', 'ITLFile.tlv', 'CTLFile.tlv'])(
  '%s is taken by both verifiers and by OpenSSL',
  (name) => {
    const bytes = read(name);
    const lists = name.endsWith('.tlv') ? [] : [read('ITLFile.tlv')];
    const trust = lists.length === 0 ? noTrust : { lists, certificates: [] };
    expect(verifyStrict(createVerifier(), { bytes, name, trust, nowSeconds: now })).toMatchObject({
      accepted: true,
    });
    expect(verifyAgain(bytes, { name, previousList: lists[0], nowSeconds: now })).toBeUndefined();
    const signers = [openToolCertificate('itlrecovery'), openToolCertificate('callmanager')];
    expect(
      signatureHolds(
        bytes,
        signers.map(({ der }) => der),
      ),
    ).toBe(true);
  },
);

/** Whom a TVS may vouch for: the very certificate that was asked about, by issuer and by serial (domain.md §2). */
import { expect, test } from 'vitest';
import { askTvs } from '../../../../src/core/trust/belief-in-signer.ts';
import { readHeld, type TvsAnswer } from '../../../../src/core/trust/phone-trust.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, itlOf, subject } from '../../../helpers/clusters.ts';
import { party, type Party } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();
const itl = itlOf(a);
const asked = party({ key: 'callmanager-b', subject: subject('asked'), serial: '0d0d0001' });

function vouchedWith(answer: Party): string {
  const held = readHeld(crypto, { itl });
  const certificate = crypto.readCertificate(asked.der);
  if (!held.ok || certificate === undefined) throw new Error('made here');
  const { subject: name, issuer, serial } = certificate;
  const tvs = (): TvsAnswer => ({
    kind: 'vouched',
    server: a.tvs.der,
    certificate: answer.der,
    roles: ['TFTP'],
  });
  const belief = askTvs(crypto, { itl, tvs }, held.value, { name, issuer, serial }, 'file');
  return belief === undefined || belief.kind === 'believed' ? `${belief?.kind}` : belief.failed.code;
}

test('the certificate that was asked about is believed', () => {
  expect(vouchedWith(asked)).toBe('believed');
});

test('domain.md §2: one of another serial or of another issuer vouches for nothing', () => {
  const sameIssuer = party({ key: 'callmanager-b', subject: subject('asked'), serial: '0d0d0002' });
  const sameSerial = party({ key: 'callmanager-b', subject: subject('other'), serial: '0d0d0001' });
  expect(vouchedWith(sameIssuer)).toBe('tvs-refused');
  expect(vouchedWith(sameSerial)).toBe('tvs-refused');
});

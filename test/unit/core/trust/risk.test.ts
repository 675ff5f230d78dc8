import { describe, expect, it } from 'vitest';
import { risksOf, type RiskDecision, type RiskInput } from '../../../../src/core/trust/risk.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { day, party, type Party } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();
const made = 1_700_000_000;
const noDecision: RiskDecision = { sha512Models: [] };

const facts = ({ der }: Party) => {
  const read = crypto.readCertificate(der);
  if (!read) throw new Error('a test certificate cannot be read');
  return read;
};
const named = (key: string, name: string): Party =>
  party({ key, subject: [['CN', name]], serial: '0c0c0001' });
/** RSA of 1,024 and of 2,048 bits, and an EC key, which is neither. */
const [short, usual, curve] = [named('short', 'old'), named('sast-a', 'usual'), named('curve', 'ec')];

const device = (name: string, model: string, certificate?: Party): RiskInput['devices'][number] => ({
  name,
  model,
  protocol: 'SIP',
  lines: [],
  security: 'none',
  certificateDer: certificate?.der,
  addedMs: 0,
});

const input = (hash: 'sha1' | 'sha512', rest: Partial<RiskInput> = {}): RiskInput => ({
  cluster: { id: 'lab', mode: 'mixed', hash, createdMs: made * 1000 },
  devices: [],
  certificates: [],
  ...rest,
});

describe('RSA-1024', () => {
  it('is told of certificates and of devices that have it, and of no others', () => {
    const [risk, ...others] = risksOf(
      crypto,
      input('sha512', {
        certificates: [short, usual, curve].map(facts),
        devices: [
          device('SEP001122330001', 'CP-7962G', short),
          device('SEP001122330002', 'CP-8851', usual),
          device('SEP001122330003', 'CP-8851'),
        ],
      }),
      noDecision,
      made,
    );
    expect(others).toEqual([]);
    expect(risk).toMatchObject({
      algorithm: 'RSA-1024',
      certificates: ['CN=old'],
      devices: ['SEP001122330001'],
      acceptedUntil: made + 365 * day,
      isAccepted: true,
    });
  });

  it('has its own date, and is over on it', () => {
    const until = made + 10 * day;
    const certificates = [facts(short)];
    const at = (seconds: number) =>
      risksOf(crypto, input('sha512', { certificates }), { ...noDecision, shortRsaUntil: until }, seconds);
    expect(at(until - 1)).toMatchObject([{ acceptedUntil: until, isAccepted: true }]);
    expect(at(until)).toMatchObject([{ acceptedUntil: until, isAccepted: false }]);
  });

  it('is no risk where nothing has it', () => {
    const certificates = [facts(usual), facts(curve)];
    expect(risksOf(crypto, input('sha512', { certificates }), noDecision, made)).toEqual([]);
  });
});

it('SHA-1 is needed by every device but those whose model was seen to read SHA-512', () => {
  const devices = [device('SEP001122330001', 'CP-7962G'), device('SEP001122330002', 'CP-8851')];
  const decision = { sha512Models: ['CP-8851'], sha1Until: made - 1 };
  expect(risksOf(crypto, input('sha1', { devices }), decision, made)).toMatchObject([
    { algorithm: 'SHA-1', devices: ['SEP001122330001'], certificates: [], isAccepted: false },
  ]);
  expect(risksOf(crypto, input('sha512', { devices }), decision, made)).toEqual([]);
});

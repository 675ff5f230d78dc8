import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeFile, type PhoneTrust } from '../../../../src/core/trust/judge.ts';
import { signsSha512 } from '../../../../src/core/trust/phone-checks.ts';
import { phoneRules } from '../../../../src/core/trust/verdict.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { now } from '../../../helpers/trust-builder.ts';
import { judgeCases, tvsOf, vectorBytes, type JudgeCase } from '../../../helpers/trust-vectors.ts';

const crypto = createVerifier();
const cases = judgeCases();

function judge(one: JudgeCase) {
  const { ctl, itl, tvs, newest, sha1Only } = one;
  const phone = {
    sha1Only,
    ctl: ctl === undefined ? undefined : vectorBytes('judge', ctl),
    itl: itl === undefined ? undefined : vectorBytes('judge', itl),
    tvs: tvs === undefined ? undefined : () => tvsOf(tvs),
    newest: newest === undefined ? undefined : () => newest,
  };
  return judgeFile(crypto, phone, { bytes: vectorBytes('judge', one.file), name: one.as }, now);
}

describe('the judge against its vectors', () => {
  it.each(cases.map((one) => [`${one.source}: ${one.title}`, one] as const))('%s', (_, one) => {
    const judgement = judge(one);
    expect({ phone: judgement.phone, code: judgement.code }, judgement.reason).toEqual({
      phone: one.phone,
      code: one.code,
    });
    for (const lint of one.lint) expect(judgement.lint).toContain(lint);
    const names = judgement.wanted.map(({ subject }) => /CN=([^;]+)/.exec(subject)?.[1]);
    expect(names).toEqual(expect.arrayContaining([...one.wanted]));
  });
});

it('a refused signer is named with issuer, serial and fingerprint of what the phone wanted', () => {
  const one = cases.find(({ title }) => title.startsWith('another cluster, no TVS'));
  expect(one).toBeDefined();
  if (!one) return;
  const { reason, signer, wanted } = judge(one);
  expect(signer).toMatchObject({ serial: '0b:0b:00:01' });
  expect(wanted.map(({ fingerprint }) => fingerprint)).toEqual([
    expect.stringMatching(/^[0-9a-f]{64}$/),
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ]);
  expect(reason).toContain('CN=ITLRECOVERY_cucm-b');
  for (const { serial, fingerprint } of wanted) {
    expect(reason).toContain(serial);
    expect(reason).toContain(fingerprint);
  }
});

describe('what the vectors leave open', () => {
  const itl = vectorBytes('judge', 'itl-a');
  const ctl = vectorBytes('judge', 'ctl-a');
  const config = vectorBytes('judge', 'config-a');
  const name = 'SEP001122334455.cnf.xml.sgn';

  it('that version 1.1 is firmware alone nobody promises', () => {
    const bytes = Uint8Array.from(config);
    bytes[4] = 1;
    expect(judgeFile(crypto, { itl }, { bytes, name }, now)).toMatchObject({
      phone: 'unknown',
      code: 'version-not-for-name',
    });
  });

  it('what a TVS vouched for is no stranger to the lint', () => {
    const file = { bytes: vectorBytes('judge', 'config-b'), name };
    const server = vectorBytes('judge', 'certificate-tvs-a');
    const certificate = vectorBytes('judge', 'certificate-callmanager-b');
    const tvs = () => ({ kind: 'vouched', server, certificate, roles: ['TFTP'] }) as const;
    const vouched = judgeFile(crypto, { itl, tvs }, file, now);
    expect(vouched.code).toBe('accepted-by-tvs');
    expect(vouched.lint).toEqual(judgeFile(crypto, { itl: vectorBytes('judge', 'itl-b') }, file, now).lint);
  });

  it('a phone that no list binds takes a list of any age', () => {
    const newest = () => 0xffff_ffff;
    const file = { bytes: vectorBytes('judge', 'itl-b'), name: 'ITLFile.tlv' };
    const free = vectorBytes('judge', 'itl-rollback');
    expect(judgeFile(crypto, { newest }, file, now).code).toBe('accepted-first-use');
    expect(judgeFile(crypto, { itl: free, newest }, file, now).code).toBe('accepted-rollback');
    const bound = judgeFile(crypto, { itl: vectorBytes('judge', 'itl-b'), newest }, file, now);
    expect(bound.code).toBe('accepted-same-list');
  });

  it('who is behind the CTL is lint only where there is a CTL', () => {
    const lint = (phone: PhoneTrust) => judgeFile(crypto, phone, { bytes: config, name }, now).lint;
    expect(lint({ itl })).not.toContain('lint-itl-behind-ctl');
    expect(lint({ ctl, itl })).not.toContain('lint-itl-behind-ctl');
    expect(lint({ ctl: vectorBytes('judge', 'ctl-b'), itl })).toContain('lint-itl-behind-ctl');
  });
});

it.each([
  ['config-a', true],
  ['itl-a', true],
  ['config-a-sha1', false],
  ['itl-a-sha1', false],
  ['garbage', false],
])('%s is signed with SHA-512: %s', (name, expected) => {
  expect(signsSha512(vectorBytes('judge', name))).toBe(expected);
});

it('has a vector for every code that only a phone gives', () => {
  const covered = new Set(cases.map(({ code }) => code));
  expect(Object.keys(phoneRules).filter((code) => !covered.has(code))).toEqual([]);
});

it('has a case for every file of the folder', () => {
  const used = new Set(
    cases.flatMap(({ file, ctl, itl, tvs }) => [
      file,
      ctl,
      itl,
      ...(tvs === undefined || tvs === 'unreachable'
        ? []
        : [tvs.server, 'vouches' in tvs ? tvs.vouches : undefined]),
    ]),
  );
  const files = readdirSync(new URL('../../../vectors/judge/', import.meta.url)).filter((name) =>
    name.endsWith('.bin'),
  );
  expect(files.filter((name) => !used.has(name.replace('.bin', '')))).toEqual([]);
});

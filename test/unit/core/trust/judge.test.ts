import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeFile } from '../../../../src/core/trust/judge.ts';
import { phoneRules } from '../../../../src/core/trust/verdict.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { now } from '../../../helpers/trust-builder.ts';
import { judgeCases, tvsOf, vectorBytes, type JudgeCase } from '../../../helpers/trust-vectors.ts';

const crypto = createVerifier();
const cases = judgeCases();

function judge(one: JudgeCase) {
  const { ctl, itl, tvs, newest } = one;
  const phone = {
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

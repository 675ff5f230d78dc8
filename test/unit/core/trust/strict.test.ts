import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noTrust, verifyStrict, type StrictInput } from '../../../../src/core/trust/strict.ts';
import { rejectRules } from '../../../../src/core/trust/verdict.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { verifyAgain, type SecondCheck } from '../../../../src/node/second-verifier.ts';
import { formatRules } from '../../../../src/wire/format-error.ts';
import { now } from '../../../helpers/trust-builder.ts';
import { strictCases, vectorBytes, type StrictCase } from '../../../helpers/trust-vectors.ts';

const crypto = createVerifier();
const cases = strictCases();

function inputOf(one: StrictCase): StrictInput {
  return {
    bytes: vectorBytes('strict', one.file),
    name: one.as,
    trust: { lists: one.trust.map((list) => vectorBytes('strict', list)), certificates: [] },
    against: one.against === null ? undefined : vectorBytes('strict', one.against),
    newerThan: one.newerThan,
    policy: {
      ...(one.allowSha1 === undefined ? {} : { allowSha1: one.allowSha1 }),
      ...(one.minRsaBits === undefined ? {} : { minRsaBits: one.minRsaBits }),
    },
    nowSeconds: now,
  };
}

/** The second verifier takes one list; where a case trusts two, each must have its say. */
function secondAccepts(one: StrictCase): boolean {
  const { as: name, newerThan, allowSha1, minRsaBits } = one;
  const base: SecondCheck = { name, newerThan, allowSha1, minRsaBits, nowSeconds: now };
  const lists = one.against === null ? one.trust : [one.against];
  const checks =
    lists.length === 0
      ? [base]
      : lists.map((list) => ({ ...base, previousList: vectorBytes('strict', list) }));
  return checks.every((check) => verifyAgain(vectorBytes('strict', one.file), check) === undefined);
}

describe('security.md §2, each rule', () => {
  it.each(cases.map((one) => [`${one.source}: ${one.rule} → ${one.expect}`, one] as const))(
    '%s',
    (_, one) => {
      const verdict = verifyStrict(crypto, inputOf(one));
      expect(verdict.code, verdict.reason).toBe(one.expect);
      expect(verdict.accepted).toBe(one.expect.startsWith('accepted'));
      const codes: readonly string[] = verdict.lint.map(({ code }) => code);
      for (const lint of one.lint) expect(codes).toContain(lint);
      expect(verdict.reason).toMatch(/^[^\n]+$/);
    },
  );
});

describe('the second verifier agrees (design.md §5)', () => {
  it.each(cases.map((one) => [`${one.rule} (${one.file})`, one] as const))('%s', (_, one) => {
    expect(secondAccepts(one)).toBe(one.expect.startsWith('accepted'));
  });
});

it('security.md §2, size: a signed file above 16 MiB is refused before it is read', () => {
  const bytes = new Uint8Array(16 * 1024 * 1024 + 1);
  const input = { bytes, name: 'Ringlist.xml.sgn', trust: noTrust, nowSeconds: now };
  expect(verifyStrict(crypto, input).code).toBe('file-too-large');
  expect(verifyAgain(bytes, { name: 'Ringlist.xml.sgn' })).toBe('too long');
});

it('never proposes an EC certificate as the one that should have signed', () => {
  const [one] = cases.filter(({ trust }) => trust.includes('itl-sizes'));
  expect(one).toBeDefined();
  if (!one) return;
  const { code, reason } = verifyStrict(crypto, { ...inputOf(one), bytes: vectorBytes('strict', 'good') });
  expect(code).toBe('signer-unknown');
  expect(reason).toContain('CN=long');
  expect(reason).not.toContain('CN=curve');
});

it('names the signer a refused file claims, and whom it should have been', () => {
  const one = cases.find(({ file, expect: code }) => file === 'stranger' && code === 'signer-unknown');
  expect(one).toBeDefined();
  if (!one) return;
  const { signer, reason } = verifyStrict(crypto, inputOf(one));
  expect(signer).toMatchObject({ serial: '0c:0c:00:01', fingerprint: undefined });
  expect(reason).toMatch(
    /signed by CN=stranger.*trusted for this: CN=cucm-a.*f0:0a:00:02, SHA-256 [0-9a-f]{64}/,
  );
});

it('has a vector for every rule of the strict verifier and of the bytes', () => {
  const covered = new Set(cases.map(({ expect: code }) => code));
  // The first has its own test below; the others answer a caller who asked for one kind of file.
  const elsewhere = ['file-too-large', 'not-encrypted', 'not-a-trust-list'];
  const missing = [...Object.keys(rejectRules), ...Object.keys(formatRules)].filter(
    (code) => !covered.has(code) && !elsewhere.includes(code),
  );
  expect(missing).toEqual([]);
});

it('has a case for every file of the folder', () => {
  const used = new Set(
    cases.flatMap(({ file, trust, against }) => [file, ...trust, ...(against === null ? [] : [against])]),
  );
  const folder = new URL('../../../vectors/strict/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  expect(files.filter((name) => !used.has(name.replace('.bin', '')))).toEqual([]);
});

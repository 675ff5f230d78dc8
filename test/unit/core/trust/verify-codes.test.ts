import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sentences } from '../../../../src/core/trust/verdict.ts';
import { renderVerifyCodes, verifyCodesFile } from '../../../../tools/docs/verify-codes.ts';

it('docs/reference/verify-codes.md is what tools/docs/verify-codes.ts writes', () => {
  expect(readFileSync(verifyCodesFile, 'utf8')).toBe(renderVerifyCodes());
});

it('lists every code once, each with a sentence of its own', () => {
  const listed = [...renderVerifyCodes().matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
  expect(listed.toSorted()).toEqual(Object.keys(sentences).toSorted());
  expect(new Set(Object.values(sentences)).size).toBe(listed.length);
});

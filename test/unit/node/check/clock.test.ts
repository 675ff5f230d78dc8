import { expect, test } from 'vitest';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { judgeClock, type ClockInput } from '../../../../src/node/check/clock.ts';

const day = 86_400;
const now = 1_800_000_000;

function own(notBefore: number, notAfter: number): ClockInput['own'] {
  const certificate = { notBefore, notAfter } as CertificateFacts;
  return [{ purpose: 'callmanager', node: 'a', certificate }];
}

const fine: ClockInput = {
  nowSeconds: now,
  own: own(now - day, now + 1000 * day),
  lists: [],
  kernel: 'synchronized',
};

test.each<[what: string, change: Partial<ClockInput>, verdict: string, words: RegExp]>([
  ['nothing', {}, 'ok', /kept by a time service/],
  ['a kernel that does not say', { kernel: undefined }, 'ok', /^it is 2027-01-15T08:00:00Z$/],
  ['nobody keeps it', { kernel: 'unsynchronized' }, 'warning', /no time service keeps the clock/],
  [
    'before its certificate',
    { own: own(now + 1, now + 1000 * day) },
    'wrong',
    /before the callmanager certificate/,
  ],
  [
    'a list of tomorrow',
    { lists: [{ kind: 'itl', timestamp: now + day }] },
    'wrong',
    /before the ITL that was signed/,
  ],
  ['a list of now', { lists: [{ kind: 'itl', timestamp: now + 5 }] }, 'ok', /it is/],
  ['a certificate that ends', { own: own(now - day, now + 5 * day) }, 'warning', /expires in 5 days/],
])('%s', (_, change, verdict, words) => {
  const findings = judgeClock({ ...fine, ...change });
  expect(findings).toEqual([expect.objectContaining({ verdict, message: expect.stringMatching(words) })]);
});

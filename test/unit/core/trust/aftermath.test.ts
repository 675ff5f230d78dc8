/** Who must restart or reset before a change has arrived (domain.md §2, "What a certificate change needs"). */
import { expect, test } from 'vitest';
import { certificatePurposes } from '../../../../src/core/cluster/model.ts';
import { aftermathOfKey } from '../../../../src/core/trust/aftermath.ts';

test('a key that phones meet needs all of them to boot; that of 6971 none', () => {
  const resets = certificatePurposes.map((purpose) => [purpose, aftermathOfKey(purpose).reset]);
  expect(Object.fromEntries(resets)).toEqual({
    callmanager: 'all phones',
    'callmanager-ec': 'all phones',
    tvs: 'all phones',
    capf: 'all phones',
    itlrecovery: 'all phones',
    'tftp-ec': 'no phone',
  });
});

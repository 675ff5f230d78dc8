import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeReport } from '../../../../src/core/bulk/merge.ts';
import { day, now } from '../../../helpers/trust-builder.ts';
import { factsOf, sourceOf, type Exported } from '../../../helpers/bulk-source.ts';

const tftp = (certificate: Exported['certificate'], node = 'n1'): Exported => ({
  type: 'tftp',
  node,
  certificate,
});
const old = factsOf('n1.alpha', { serial: '11' });
const fresh = factsOf('n1.alpha', { serial: '12' });
const words = (...lines: Parameters<typeof mergeReport>): readonly string[] =>
  mergeReport(...lines).map(({ change, cluster, node }) => `${change} ${cluster} ${node}`);

describe('a merge reports', () => {
  it('additions, renewals, and nothing of what stays', () => {
    expect(words([], [sourceOf('alpha', [tftp(old)])], now)).toEqual(['addition alpha n1']);
    expect(words([sourceOf('alpha', [tftp(old)])], [sourceOf('alpha', [tftp(fresh)])], now)).toEqual([
      'renewal alpha n1',
    ]);
    expect(
      words([sourceOf('alpha', [tftp(old)])], [sourceOf('alpha', [tftp(old), tftp(fresh)])], now),
    ).toEqual(['renewal alpha n1']);
    expect(
      words([sourceOf('alpha', [tftp(old)])], [sourceOf('alpha', [tftp(old), tftp(old, 'n2')])], now),
    ).toEqual(['addition alpha n2']);
  });

  it('what has expired, each time', () => {
    const expired = factsOf('n1.alpha', { serial: '13', notBefore: now - 9 * day, notAfter: now - day });
    const source = sourceOf('alpha', [tftp(expired)]);
    expect(words([], [source], now)).toEqual(['addition alpha n1', 'expired alpha n1']);
    expect(words([source], [source], now)).toEqual(['expired alpha n1']);
    expect(words([source], [source], now - 2 * day)).toEqual([]);
  });

  it('one name of two clusters with two keys, and only that', () => {
    const theirs = factsOf('n1.alpha', { key: 'callmanager-a', serial: '11' });
    const here = sourceOf('alpha', [tftp(old)]);
    const lines = mergeReport([], [here, sourceOf('beta', [tftp(theirs)])], now);
    expect(lines.at(-1)).toMatchObject({
      change: 'conflict',
      cluster: 'beta',
      detail: 'alpha has another key under this name',
    });
    for (const nobodys of [
      [here, sourceOf('beta', [tftp(fresh)])],
      [sourceOf('alpha', [tftp(old), tftp(theirs)])],
    ])
      expect(mergeReport(nobodys, nobodys, now)).toEqual([]);
  });

  it('the same for any two merges: what was not there, each once, and nothing twice in a row', () => {
    const pool = ['11', '12', '13'].flatMap((serial) =>
      ['n1', 'n2'].map((node) => tftp(factsOf(`${node}.c`, { serial }), node)),
    );
    const cluster = fc.subarray(pool);
    const merge = fc
      .record({ alpha: cluster, beta: cluster })
      .map(({ alpha, beta }) => [sourceOf('alpha', alpha), sourceOf('beta', beta)]);
    fc.assert(
      fc.property(merge, merge, (before, after) => {
        expect(mergeReport(after, after, now)).toEqual([]);
        const keys = (sources: typeof before) =>
          sources.flatMap(({ manifest, certificates }) =>
            certificates.map(({ entry }) => `${manifest.cluster} ${entry.node} ${entry.fingerprint}`),
          );
        const known = new Set(keys(before));
        const reported = mergeReport(before, after, now).map(
          ({ cluster: of, node, fingerprint }) => `${of} ${node} ${fingerprint}`,
        );
        expect(reported.toSorted()).toEqual(
          keys(after)
            .filter((key) => !known.has(key))
            .toSorted(),
        );
      }),
      { numRuns: 200, seed: 11 },
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rewriteRulesMax } from '../../../../src/base/limits.ts';
import { assert } from '../../../../src/base/assert.ts';
import { compileRewrite } from '../../../../src/core/files/rewrite.ts';
import type { RewriteRule } from '../../../../src/core/files/rewrite.ts';

function rewrite(rules: readonly RewriteRule[], name: string): string | undefined {
  const compiled = compileRewrite(rules);
  assert(compiled.ok, 'the rules of this test compile');
  return compiled.value(name);
}

describe('rewrite rules', () => {
  it.each<[string, RewriteRule[], string, string | undefined]>([
    ['no rule matches', [{ match: 'a', to: 'b' }], 'c', 'c'],
    [
      'a folder per device',
      [{ match: 'SEP*.cnf.xml', to: 'phones/{1}/SEP{1}.cnf.xml' }],
      'SEP1.cnf.xml',
      'phones/1/SEP1.cnf.xml',
    ],
    ['one star stays in its segment', [{ match: '*.xml', to: 'x' }], 'a/b.xml', 'a/b.xml'],
    ['two stars do not', [{ match: '**.xml', to: '{1}' }], 'a/b.xml', 'a/b'],
    ['a question mark is one character', [{ match: 'a?c', to: '{1}' }], 'abc', 'b'],
    ['and not a slash', [{ match: 'a?c', to: '{1}' }], 'a/c', 'a/c'],
    ['two kinds of star meet', [{ match: '**a*b', to: '[{1}][{2}]' }], 'a/axb', '[a/][x]'],
    ['a literal dot is a dot', [{ match: 'a.c', to: 'x' }], 'abc', 'abc'],
    ['other case', [{ match: 'RING*', to: '{1:lower}{1:upper}', ignoreCase: true }], 'ringList', 'listLIST'],
    ['case counts', [{ match: 'RING*', to: 'x' }], 'ringList', 'ringList'],
    [
      'stop is the default',
      [
        { match: 'a', to: 'b' },
        { match: 'b', to: 'c' },
      ],
      'a',
      'b',
    ],
    [
      'next goes on',
      [
        { match: 'a', to: 'b', onMatch: 'next' },
        { match: 'b', to: 'c' },
      ],
      'a',
      'c',
    ],
    ['without `to` the name is refused', [{ match: '*.bak' }], 'x.bak', undefined],
  ])('%s', (_, rules, name, expected) => {
    expect(rewrite(rules, name)).toBe(expected);
  });

  it.each<[RewriteRule, string]>([
    [{ match: '', to: 'x' }, 'match'],
    [{ match: 'x'.repeat(257), to: 'x' }, 'match'],
    [{ match: 'x', to: '{1}' }, 'to'],
    [{ match: '*', to: '{2}' }, 'to'],
    [{ match: '*', to: '{0}' }, 'to'],
    [{ match: '*', to: '{1:title}' }, 'to'],
    [{ match: '*', to: 'x'.repeat(257) }, 'to'],
  ])('refuses %j', (rule, field) => {
    const compiled = compileRewrite([{ match: 'ok', to: 'ok' }, rule]);
    expect(compiled).toMatchObject({ ok: false, error: { rule: 1, field } });
  });

  it('refuses more rules than its limit', () => {
    const rules = Array.from({ length: rewriteRulesMax + 1 }, () => ({ match: 'a', to: 'b' }));
    expect(compileRewrite(rules)).toMatchObject({ ok: false, error: { rule: undefined } });
  });

  it('takes bounded time on the worst pattern', () => {
    const rules = [{ match: '**a'.repeat(64) + 'b', to: 'x' }];
    const name = 'a'.repeat(128);
    const start = performance.now();
    expect(rewrite(rules, name)).toBe(name);
    // A backtracking matcher needs longer than the universe has; a second is generous for a loaded machine.
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('agrees with a regular expression', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '**', '?', '.');
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 10 }),
        (parts, name) => {
          const glob = parts.join('');
          const source = (glob.match(/\*\*|\*|\?|[^*?]/g) ?? [])
            .map(
              (text) =>
                ({ '**': '.*', '*': '[^/]*', '?': '[^/]' })[text] ?? `\\${text}`.replace(/\\([ab/])/, '$1'),
            )
            .join('');
          const matched = rewrite([{ match: glob }], name) === undefined;
          expect(matched).toBe(new RegExp(`^${source}$`).test(name));
        },
      ),
      { seed: 11, numRuns: 3_000 },
    );
  });
});

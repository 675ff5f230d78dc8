/** Every file that decides what phones believe, or whom a change strands, is one whose conditions `npm run mutate` flips. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { notTargets, targets } from '../../tools/mutation-targets.mjs';
import { listFiles, readSource, root } from './source.ts';

const planner = [
  'src/app/field.ts',
  'src/app/plan-publication.ts',
  'src/app/plan-strand.ts',
  'src/core/trust/strand.ts',
];

/** The files of the rule that stands at the top of tools/mutation-targets.mjs. */
const ruled = [
  ...listFiles('src/core/trust', ['.ts']),
  ...listFiles('src/app', ['.ts']).filter(
    (path) =>
      planner.includes(path) ||
      readSource(path).imports.some((each) => !each.typeOnly && planner.includes(each.path ?? '')),
  ),
];

test('each is a target, or it is said why not', () => {
  expect(ruled.filter((path) => !(path in targets) && !(path in notTargets))).toEqual([]);
  expect(ruled.length).toBeGreaterThan(50);
});

test('what is no target is one by the rule, and not both', () => {
  expect(Object.keys(notTargets).filter((path) => !ruled.includes(path) || path in targets)).toEqual([]);
});

test('targets and their tests are there', () => {
  const named = Object.entries(targets).flatMap(([path, tests]) => [path, ...tests]);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

import { expect, it } from 'vitest';
import { findLoop } from '../../../../src/core/cluster/loop.ts';

it.each<[string, Record<string, string[]>, string | undefined]>([
  ['one level', { a: ['b', 'c'], b: [], c: [] }, undefined],
  ['two ways to one cluster are no loop', { a: ['b', 'c'], b: ['d'], c: ['d'] }, undefined],
  ['itself', { a: ['a'] }, 'a a'],
  ['each other', { a: ['b'], b: ['a'] }, 'a b a'],
  ['behind somebody', { a: ['b'], b: ['c'], c: ['d'], d: ['b'] }, 'b c d b'],
  ['unknown ones ask nobody', { a: ['x'] }, undefined],
])('finds loops: %s', (_, asks, loop) => {
  expect(findLoop(new Map(Object.entries(asks)))?.join(' ')).toBe(loop);
});

import { expect, it } from 'vitest';
import { createLimiter } from '../../../src/files/limiter.ts';

it('runs so many at once, lets so many wait in order, and refuses the rest', async () => {
  const limiter = createLimiter(2, 2);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const task = (id: number) => () => {
    begun.push(id);
    return new Promise<number>((resolve) => ends.push(() => resolve(id)));
  };
  const running = [0, 1, 2, 3].map((id) => limiter.run(task(id)));
  expect(limiter.run(task(4))).toBeUndefined();
  expect(begun).toEqual([0, 1]);
  ends.shift()?.();
  expect(await running[0]).toBe(0);
  expect(begun).toEqual([0, 1, 2]);
  for (let i = 0; i < 3; i++) {
    ends.shift()?.();
    await running[i + 1];
  }
  expect(begun).toEqual([0, 1, 2, 3]);
});

it('a failing task gives its place to the next', async () => {
  const limiter = createLimiter(1, 1);
  const failing = limiter.run(() => Promise.reject(new Error('no')));
  const next = limiter.run(() => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
});

import { expect, it } from 'vitest';
import { Arena } from '../../../../src/net/mmsg/arena.ts';
import { EAGAIN, loadLibc, POLLIN } from '../../../../src/net/mmsg/libc.ts';
import { platformRefusal } from '../../../../src/net/mmsg/platform.ts';

it('refuses platforms whose layouts were not checked, saying why', () => {
  expect(platformRefusal('darwin', 'arm64', 'LE')).toMatch(/Linux only/);
  expect(platformRefusal('linux', 'riscv64', 'LE')).toMatch(/riscv64/);
  expect(platformRefusal('linux', 'arm64', 'BE')).toMatch(/little-endian/);
  expect(platformRefusal('linux', 'x64', 'LE')).toBeUndefined();
});

it.runIf(process.platform === 'linux')('calls poll on an eventfd through memory of the arena', () => {
  const loaded = loadLibc();
  if (!loaded.ok) throw new Error(loaded.error);
  const libc = loaded.value;
  const arena = new Arena(64);
  const fd = libc.eventfd(1, 0);
  arena.u32[0] = fd;
  arena.u16[2] = POLLIN;
  expect(libc.poll(arena.address, 1, 1000)).toBe(1);
  expect(arena.u16[3]).toBe(POLLIN);
  expect(libc.close(fd)).toBe(0);
  expect(libc.close(fd)).toBe(-1);
  expect(libc.errno()).not.toBe(EAGAIN);
});

/** The reader the other meta tests stand on: a scanner that sees nothing would let everything pass. */
import { describe, expect, it } from 'vitest';
import { listFiles, readSource, walk } from './source.ts';

describe('the reader of sources', () => {
  it('sees the files of every room', () => {
    const files = listFiles('src', ['.ts']);
    expect(files).toContain('src/main.ts');
    expect(files).toContain('src/base/outcome.ts');
    expect(files.length).toBeGreaterThan(50);
  });

  it('sees imports of every form with their kind and line', () => {
    const { imports } = readSource('test/meta/fixtures/imports.ts.txt');
    expect(
      imports.map(({ target, path, pack, typeOnly, line }) => [target, path ?? pack, typeOnly, line]),
    ).toEqual([
      ['node:fs', 'node:fs', false, 2],
      ['../source.ts', 'test/meta/source.ts', true, 3],
      ['../../../src/base/bytes.ts', 'src/base/bytes.ts', false, 7],
      ['@peculiar/x509', '@peculiar/x509', true, 10],
      ['vite/module-runner', 'vite', false, 13],
      [undefined, undefined, false, 14],
    ]);
  });

  it('walks into every expression', () => {
    const { program } = readSource('test/meta/fixtures/imports.ts.txt');
    const names = [...walk(program)].filter((node) => node.type === 'Identifier').map((node) => node['name']);
    expect(names).toContain('deepInside');
  });
});

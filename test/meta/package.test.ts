/** What `npm publish` would send: everything the program needs, nothing of ours. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles, root } from './source.ts';

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly bin: Record<string, string>;
  readonly exports: { readonly '.': { readonly types: string; readonly default: string } };
};

// --ignore-scripts: prepack would build again; set-up has built what these tests look at.
const answer = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  cwd: root,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
});
// npm 12 answers an object keyed by name where earlier ones answer a list.
const [packed] = Object.values(JSON.parse(answer) as Record<string, Packed>);
const paths = packed?.files.map(({ path }) => path) ?? [];

describe('the package', () => {
  it('holds the program, executable, its types and the certificate profiles', () => {
    const main = packed?.files.find(({ path }) => path === pack.bin['tftp-pki']);
    expect(main?.mode).toBe(0o755);
    expect(paths).toContain(pack.exports['.'].types.replace('./', ''));
    expect(paths).toContain(pack.exports['.'].default.replace('./', ''));
    expect(paths).toEqual(expect.arrayContaining(listFiles('certs', ['.yaml', '.md'])));
  });

  it('holds its licence and documents', () => {
    const documents = ['LICENSE', 'NOTICE', 'README.md', 'SECURITY.md', 'CHANGELOG.md', 'examples/README.md'];
    expect(paths).toEqual(expect.arrayContaining(documents));
  });

  it('holds nothing else', () => {
    const expected = /^(dist\/.*\.(js|d\.ts)|(certs|examples|docs)\/.*|package\.json|[A-Z]+(\.md)?)$/;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
  });

  it('holds no build of a source that is gone', () => {
    const stems = new Set(
      listFiles('src', ['.ts']).map((path) => path.replace(/^src\/(.*)\.ts$/, 'dist/$1')),
    );
    expect(
      paths.filter((path) => path.startsWith('dist/') && !stems.has(path.replace(/(\.d)?\.(js|ts)$/, ''))),
    ).toEqual([]);
  });
});

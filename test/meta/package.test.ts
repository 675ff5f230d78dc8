/** What `npm publish` would send: everything the program needs, nothing of ours. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles, root } from './source.ts';

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly bin: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
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

/** Not in a comment. */
const asksFor = /^[^*\n]*(?:from |import\()"([^.":;\n][^";\n]*)"/gm;

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
    const expected =
      /^(dist\/(bin\/.*\.js|bin\/LICENSES\.txt|types\/.*\.d\.ts)|(certs|examples|docs)\/.*|package\.json|[A-Z]+(\.md)?)$/;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
  });

  it('holds no type of a source that is gone', () => {
    const stems = new Set(listFiles('src', ['.ts']).map((path) => path.slice('src/'.length, -'.ts'.length)));
    const types = paths.map((path) => /^dist\/types\/(.*)\.d\.ts$/.exec(path)?.[1]);
    expect(types.filter((stem) => stem !== undefined && !stems.has(stem))).toEqual([]);
  });

  it('names the licence of every package that is built into it, and those that are not are installed with it', () => {
    const licences = readFileSync(join(root, 'dist/bin/LICENSES.txt'), 'utf8');
    const asked = new Set(
      paths
        .filter((path) => path.startsWith('dist/bin/'))
        .filter((path) => path.endsWith('.js'))
        .flatMap((path) => [...readFileSync(join(root, path), 'utf8').matchAll(asksFor)])
        .map(([, name]) => name ?? '')
        .filter((name) => !isBuiltin(name)),
    );
    for (const name of Object.keys(pack.dependencies))
      expect(
        licences.includes(`\n${name} `) || licences.startsWith(`${name} `) || asked.has(name),
        name,
      ).toBe(true);
    const installed = new Set([
      ...Object.keys(pack.dependencies),
      ...Object.keys(pack.optionalDependencies),
      'tsx',
    ]);
    expect([...asked].filter((name) => !installed.has(name))).toEqual([]);
  });
});

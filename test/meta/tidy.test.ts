/** Sizes, names, pins, links and secrets of the repository itself. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { lineOf, listFiles, readSource, root, walk } from './source.ts';
import type { SyntaxNode } from './source.ts';

const fileLinesMax = 400;
const functionLinesMax = 90;

const committed = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

describe('sources', () => {
  const sources = [...listFiles('src', ['.ts']), ...listFiles('tools', ['.ts', '.mjs'])].map(readSource);

  it(`have at most ${fileLinesMax} lines`, () => {
    expect(
      sources.filter(({ lines }) => lines > fileLinesMax).map(({ path, lines }) => `${path}: ${lines}`),
    ).toEqual([]);
  });

  it(`have functions of at most ${functionLinesMax} lines`, () => {
    const long = sources.flatMap(({ path, text, program }) =>
      [...walk(program)].flatMap((node) => {
        if (!isFunction(node)) return [];
        const first = lineOf(text, node.start);
        const lines = lineOf(text, node.end) - first + 1;
        return lines > functionLinesMax ? [`${path}:${first} ${lines}`] : [];
      }),
    );
    expect(long).toEqual([]);
  });
});

describe('names', () => {
  it('are kebab-case', () => {
    const code = committed.filter((path) => /^(src|test|tools)\/.*\.(ts|tsx|mjs)$/.test(path));
    const isKebab = (path: string): boolean =>
      path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*$/.test(part));
    expect(code.filter((path) => !isKebab(path))).toEqual([]);
  });

  it('promise something', () => {
    expect(
      committed.filter((path) => /^src\/.*\b(utils?|helpers?|managers?|misc|common)\b/.test(path)),
    ).toEqual([]);
  });
});

describe('package.json', () => {
  const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, never> & {
    readonly version: string;
    readonly dependencies: Record<string, string>;
    readonly optionalDependencies: Record<string, string>;
    readonly devDependencies: Record<string, string>;
    readonly engines: { readonly node: string };
  };

  it('pins exact versions', () => {
    const loose = Object.entries({
      ...pack.dependencies,
      ...pack.optionalDependencies,
      ...pack.devDependencies,
    })
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name]) => name);
    expect(loose).toEqual([]);
  });

  it('asks for the Node that set-up asks for', () => {
    const setUp = readFileSync(join(root, 'tools/set-up.mjs'), 'utf8');
    expect(pack.engines.node).toBe(`>=${/nodeLeast = \[(\d+), (\d+)\]/.exec(setUp)?.slice(1).join('.')}`);
  });

  it('has its version in the change log', () => {
    expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`## ${pack.version}`);
  });
});

describe('documents', () => {
  const documents = committed.filter((path) => path.endsWith('.md'));

  it('link to files and headings that exist', () => {
    const dead = documents.flatMap((path) => {
      const text = withoutCode(readFileSync(join(root, path), 'utf8'));
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
        isAlive(path, target) ? [] : [`${path}: ${target}`],
      );
    });
    expect(dead).toEqual([]);
  });

  it('name files of this repository that exist', () => {
    const dead = documents.flatMap((path) =>
      [
        ...readFileSync(join(root, path), 'utf8').matchAll(
          /`((?:src|test|tools|docs|certs|examples)\/[\w./-]+)`/g,
        ),
      ]
        .map(([, name = '']) => name)
        .filter((name) => !existsSync(join(root, name)))
        .map((name) => `${path}: ${name}`),
    );
    expect(dead).toEqual([]);
  });
});

describe('secrets', () => {
  it('no private key is committed outside the vectors', () => {
    const marker = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[\w+/:-]{16}/;
    const held = committed
      .filter((path) => !path.startsWith('test/vectors/'))
      .filter((path) => marker.test(readFileSync(join(root, path), 'latin1')));
    expect(held).toEqual([]);
  });
});

function isFunction(node: SyntaxNode): boolean {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type);
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
}

function isAlive(from: string, target: string): boolean {
  if (/^(https?|mailto):/.test(target)) return true;
  const [file = '', heading] = target.split('#');
  const path = file === '' ? join(root, from) : join(root, dirname(from), file);
  if (!existsSync(path)) return false;
  return heading === undefined || headingsOf(readFileSync(path, 'utf8')).includes(heading);
}

/** The anchors a renderer gives to headings. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

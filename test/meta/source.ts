/**
 * The repository read as data: files, their syntax trees and what they import.
 * A parser, not patterns: a banned call in a comment is no call, and an import over five lines is one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A node of the ESTree, as far as these tests look into it. */
export type SyntaxNode = { readonly type: string; readonly start: number; readonly end: number } & {
  readonly [key: string]: unknown;
};

export interface Import {
  /** As written, or undefined where it is computed. */
  readonly target: string | undefined;
  /** Path from the root for a relative import, otherwise undefined. */
  readonly path: string | undefined;
  /** `better-sqlite3`, `@peculiar/x509`, `node:fs`; undefined for a relative import. */
  readonly pack: string | undefined;
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly program: SyntaxNode;
  readonly imports: readonly Import[];
}

/** Files under `folder` (from the root) whose name ends in one of `endings`; links are not followed. */
export function listFiles(folder: string, endings: readonly string[]): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((item) => item.isFile() && endings.some((ending) => item.name.endsWith(ending)))
    .map((item) => relative(root, join(item.parentPath, item.name)).split(sep).join('/'))
    .sort();
}

/** A specimen that nobody shall lint, compile or import ends in `.txt`. */
export function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const parsed = parseSync(path.replace(/\.txt$/, ''), text);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const program = parsed.program as unknown as SyntaxNode;
  return { path, text, lines: text.split('\n').length - 1, program, imports: importsOf(path, text, program) };
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Every node below `node`, itself first. */
export function* walk(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) yield* walk(child);
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}

const importing = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

function importsOf(path: string, text: string, program: SyntaxNode): Import[] {
  const found: Import[] = [];
  for (const node of walk(program)) {
    if (!importing.has(node.type) || !isNode(node['source'])) continue;
    const { value } = node['source'] as { value?: unknown };
    const target = typeof value === 'string' ? value : undefined;
    const isRelative = target?.startsWith('.') === true;
    found.push({
      target,
      path: isRelative ? posix.normalize(posix.join(posix.dirname(path), target)) : undefined,
      pack: target === undefined || isRelative ? undefined : packageOf(target),
      typeOnly:
        node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType',
      line: lineOf(text, node.start),
    });
  }
  return found;
}

function packageOf(target: string): string {
  if (target.startsWith('node:')) return target;
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

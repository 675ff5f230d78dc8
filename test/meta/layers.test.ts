/**
 * The import table of ARCHITECTURE.md, held:
 *   main → cli → node → {http net files store pki telemetry config sim} → core → wire → base, and cli, http → app → core.
 * Type imports count: a room that knows another's types knows the other room.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles, readSource, root } from './source.ts';
import type { SourceFile } from './source.ts';

const inner = ['core', 'wire', 'base'];
const outer = ['net', 'files', 'store', 'pki', 'telemetry', 'config', 'http', 'sim'];

/** Room → the rooms it may know besides itself. A file directly under src/ is a room of its own name. */
const mayImport: Record<string, readonly string[]> = {
  base: [],
  wire: ['base'],
  core: ['wire', 'base'],
  app: inner,
  pki: inner,
  store: inner,
  files: inner,
  net: inner,
  telemetry: inner,
  config: inner,
  sim: inner,
  http: ['app', ...inner],
  node: ['app', ...outer, ...inner],
  cli: ['node', 'app', ...outer, ...inner],
  main: ['cli'],
  /** The library: what works without a node. */
  index: ['pki', ...inner],
};

/** A package enters by one door. `node:crypto` is a crypto package like the others; their types may be named in src/pki. */
const doors: Record<string, readonly string[]> = {
  'node:crypto': ['src/pki/vendor.ts', 'src/node/second-verifier.ts'],
  '@peculiar/x509': ['src/pki/vendor.ts'],
  asn1js: ['src/pki/vendor.ts'],
  'node-forge': ['src/pki/vendor.ts'],
  pkcs11js: ['src/pki/vendor.ts'],
  pkijs: ['src/pki/vendor.ts'],
  'reflect-metadata': ['src/pki/vendor.ts'],
  'better-sqlite3': ['src/store/'],
  kysely: ['src/store/'],
  pg: ['src/store/'],
  fastify: ['src/http/'],
  koffi: ['src/net/mmsg/'],
  ssh2: ['src/net/'],
  commander: ['src/cli/'],
  'cli-table3': ['src/cli/'],
  'cli-progress': ['src/cli/'],
  pino: ['src/telemetry/'],
  'prom-client': ['src/telemetry/'],
  yaml: ['src/config/', 'src/pki/profile.ts'],
  zod: ['src/config/', 'src/pki/profile.ts'],
  saxes: ['src/files/'],
};

const sources = listFiles('src', ['.ts']).map(readSource);

describe('layers', () => {
  it('every import goes down the table', () => {
    const wrong = sources.flatMap((file) =>
      file.imports.flatMap(({ path, line }) => {
        if (path === undefined) return [];
        const from = roomOf(file.path);
        const to = roomOf(path);
        const allowed = from === to || (mayImport[from] ?? []).includes(to);
        return allowed ? [] : [`${file.path}:${line} ${from} must not know ${to}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('every room is in the table', () => {
    expect(
      [...new Set(sources.map((file) => roomOf(file.path)))].filter((room) => !(room in mayImport)),
    ).toEqual([]);
  });

  it('imports name an existing source, with its extension, or a declared package', () => {
    const known = new Set(sources.map((file) => file.path));
    const { dependencies, optionalDependencies } = readPackage();
    const declared = new Set(Object.keys({ ...dependencies, ...optionalDependencies }));
    const wrong = sources.flatMap((file) =>
      file.imports.flatMap(({ path, pack, target, line }) => {
        const found =
          path === undefined ? pack?.startsWith('node:') || declared.has(pack ?? '') : known.has(path);
        return found ? [] : [`${file.path}:${line} ${target ?? 'a computed import'}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('packages enter by their door', () => {
    const wrong = sources.flatMap((file) =>
      file.imports.flatMap(({ pack, line, typeOnly }) => {
        if (typeOnly && isUnder(file, 'src/pki/')) return [];
        const open = pack === undefined ? undefined : doors[pack];
        const inside = open === undefined || open.some((door) => file.path === door || isUnder(file, door));
        return inside ? [] : [`${file.path}:${line} ${pack} is imported by ${open.join(', ')} only`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('pure rooms know no package and nothing of Node', () => {
    const pure = new Set(['base', 'wire', 'core', 'app']);
    const wrong = sources
      .filter((file) => pure.has(roomOf(file.path)))
      .flatMap((file) =>
        file.imports.flatMap(({ pack, line }) => (pack === undefined ? [] : [`${file.path}:${line}`])),
      );
    expect(wrong).toEqual([]);
  });

  it('the second verifier shares nothing with what it checks', () => {
    const second = sources.find((file) => file.path === 'src/node/second-verifier.ts');
    expect(second?.lines).toBeLessThanOrEqual(300);
    expect(second?.imports.map(({ target }) => target).filter((target) => target !== 'node:crypto')).toEqual(
      [],
    );
  });
});

function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

function isUnder(file: SourceFile, door: string): boolean {
  return door.endsWith('/') && file.path.startsWith(door);
}

interface Pack {
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}

function readPackage(): Pack {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Pack;
}

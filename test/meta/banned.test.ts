/** Calls the product does without, each with what stands in its place. */
import { describe, expect, it } from 'vitest';
import { lineOf, listFiles, readSource, walk } from './source.ts';
import config from '../../vitest.config.ts';
import type { SourceFile, SyntaxNode } from './source.ts';

interface Ban {
  readonly what: string;
  readonly instead: string;
  readonly matches: (node: SyntaxNode) => boolean;
  /** Paths the ban is about; a folder ends with a slash. */
  readonly within?: readonly string[];
  readonly except?: readonly string[];
}

const bans: readonly Ban[] = [
  {
    what: 'Math.random',
    instead: 'a random source handed in, or crypto.getRandomValues',
    matches: (node) => isMember(node, 'Math', 'random'),
  },
  {
    what: 'console',
    instead: 'an event (base/events.ts), or cli/output.ts',
    matches: (node) => node.type === 'MemberExpression' && isName(node['object'], 'console'),
  },
  {
    what: 'process.exit',
    instead: 'the exit status returned to main.ts',
    matches: (node) => isMember(node, 'process', 'exit'),
    // The second Ctrl-C, and an edge that has lost its back: both must not wait for anything.
    except: ['src/cli/commands/serve-files.ts', 'src/node/edge-process.ts'],
  },
  {
    what: 'process.env',
    instead: 'the environment handed in by main.ts',
    matches: (node) => isMember(node, 'process', 'env'),
    except: ['src/main.ts'],
  },
  {
    what: 'the wall clock',
    instead: 'WallClock (core/ports.ts) for times in files, performance.now() for timers',
    matches: (node) => isMember(node, 'Date', 'now') || isBareDate(node),
    within: ['src/net/', 'src/pki/', 'src/store/', 'src/sim/'],
  },
  {
    what: 'blocking file system calls',
    instead: 'node:fs/promises, or descriptors opened before the packet loop',
    matches: (node) => node.type === 'CallExpression' && /^[a-z]+Sync$/i.test(calledName(node) ?? ''),
    within: ['src/net/', 'src/http/', 'src/files/'],
    // The batched engine's worker has no event loop: it blocks in poll, reads one block at a time, is woken by a descriptor.
    except: ['src/net/mmsg/'],
  },
  {
    what: 'any',
    instead: 'unknown and a check',
    matches: (node) => node.type === 'TSAnyKeyword',
  },
  {
    what: 'an empty catch',
    instead: 'the one error that is expected, and the rest thrown on',
    matches: (node) => node.type === 'CatchClause' && bodyOf(node).length === 0,
  },
  {
    what: 'a shell',
    instead: 'spawn or execFile with an argument list',
    matches: (node) =>
      node.type === 'CallExpression' && ['exec', 'execSync'].includes(calledFunction(node) ?? ''),
  },
  {
    what: 'code from text',
    instead: 'code',
    matches: (node) =>
      (node.type === 'CallExpression' && calledFunction(node) === 'eval') ||
      (node.type === 'NewExpression' && isName(node['callee'], 'Function')),
  },
];

const testBans: readonly Ban[] = [
  {
    what: 'a test that does not run',
    instead: 'set-up that brings what the test needs',
    matches: (node) =>
      node.type === 'MemberExpression' &&
      ['skip', 'only', 'todo', 'fails'].includes(propertyName(node) ?? '') &&
      ['it', 'test', 'describe', 'bench', 'context', 'ctx'].includes(rootName(node) ?? ''),
  },
  {
    what: 'the program, run where nobody looks for secrets in what it says',
    instead: 'test/helpers/run-program.ts, or spawn and spawnSync, which test/helpers/overhear.ts hears',
    matches: (node) =>
      (['ImportDeclaration', 'ImportExpression'].includes(node.type) &&
        node['importKind'] !== 'type' &&
        /\/src\/(?:main|cli\/program)\.ts$/.test(textOf(node['source']))) ||
      (node.type === 'CallExpression' &&
        calledFunction(node) === 'execFileSync' &&
        [...walk(node)].some((each) => isName(each, 'programPath'))),
    except: ['test/helpers/run-program.ts'],
  },
  {
    what: 'a retried test',
    instead: 'waiting for the condition',
    matches: (node) => node.type === 'Property' && ['retry', 'repeats'].includes(keyName(node) ?? ''),
  },
  {
    what: 'a mocked module',
    instead: 'the real one, or a value handed in',
    matches: (node) => ['mock', 'doMock', 'hoisted'].some((name) => isMember(node, 'vi', name)),
  },
];

const sources = listFiles('src', ['.ts']).map(readSource);
const tests = [...listFiles('test', ['.ts']), 'vitest.config.ts'].map(readSource);

describe('banned calls', () => {
  it.each(bans)('$what: instead $instead', (ban) => {
    expect(found(ban, sources)).toEqual([]);
  });

  it.each(testBans)('$what: instead $instead', (ban) => {
    expect(found(ban, tests)).toEqual([]);
  });

  it('every test listens to the programs that it starts', () => {
    expect(config.test?.setupFiles).toContain('test/helpers/overhear.ts');
    for (const project of config.test?.projects ?? []) expect(project).toHaveProperty('extends', true);
  });

  it('every ban sees what it bans', () => {
    const specimen = readSource('test/meta/fixtures/banned.ts.txt');
    const blind = [...bans, ...testBans].filter(
      (ban) => !nodesOf(specimen).some((node) => ban.matches(node)),
    );
    expect(blind.map((ban) => ban.what)).toEqual([]);
  });
});

function found(ban: Ban, files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => ban.within === undefined || ban.within.some((folder) => path.startsWith(folder)))
    .filter(({ path }) => !(ban.except ?? []).some((room) => path.startsWith(room)))
    .flatMap((file) =>
      nodesOf(file).flatMap((node) =>
        ban.matches(node) ? [`${file.path}:${lineOf(file.text, node.start)}`] : [],
      ),
    );
}

const nodesByFile = new Map<SourceFile, readonly SyntaxNode[]>();

function nodesOf(file: SourceFile): readonly SyntaxNode[] {
  const nodes = nodesByFile.get(file) ?? [...walk(file.program)];
  nodesByFile.set(file, nodes);
  return nodes;
}

function isName(value: unknown, name: string): boolean {
  const node = value as SyntaxNode | undefined;
  return node?.type === 'Identifier' && node['name'] === name;
}

function textOf(literal: unknown): string {
  return String((literal as SyntaxNode)['value']);
}

function isMember(node: SyntaxNode, object: string, property: string): boolean {
  return (
    node.type === 'MemberExpression' && isName(node['object'], object) && isName(node['property'], property)
  );
}

function isBareDate(node: SyntaxNode): boolean {
  return (
    node.type === 'NewExpression' &&
    isName(node['callee'], 'Date') &&
    (node['arguments'] as readonly unknown[]).length === 0
  );
}

function propertyName(node: SyntaxNode): string | undefined {
  const property = node['property'] as SyntaxNode | undefined;
  return property?.type === 'Identifier' ? (property['name'] as string) : undefined;
}

/** `it` of `it.concurrent.skip`. */
function rootName(node: SyntaxNode): string | undefined {
  const object = node['object'] as SyntaxNode;
  if (object.type === 'Identifier') return object['name'] as string;
  return object.type === 'MemberExpression' ? rootName(object) : undefined;
}

/** The last word of what is called: `statSync` of `statSync()` and of `fs.statSync()`. */
function calledName(node: SyntaxNode): string | undefined {
  const callee = node['callee'] as SyntaxNode;
  return callee.type === 'MemberExpression' ? propertyName(callee) : calledFunction(node);
}

/** The name of a plain call; undefined for a method, so that a pattern's `exec` is no shell. */
function calledFunction(node: SyntaxNode): string | undefined {
  const callee = node['callee'] as SyntaxNode;
  return callee.type === 'Identifier' ? (callee['name'] as string) : undefined;
}

function keyName(node: SyntaxNode): string | undefined {
  const key = node['key'] as SyntaxNode;
  return key.type === 'Identifier' ? (key['name'] as string) : undefined;
}

function bodyOf(clause: SyntaxNode): readonly unknown[] {
  return (clause['body'] as SyntaxNode)['body'] as readonly unknown[];
}

/**
 * Flips each condition of judge, belief and planner, one at a time, runs the tests that must notice, and prints the
 * survivors. A mutant that no test kills is a condition that nobody checks. Usage: node tools/mutate-trust.mjs [FILE…]
 * Works on a copy of the sources; nothing of the tree is changed. Exits 1 when there are survivors.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseSync } from 'vite';

const root = resolve(import.meta.dirname, '..');
const targets = {
  'src/core/trust/belief.ts': ['test/unit/core/trust/belief.test.ts'],
  'src/core/trust/belief-book.ts': ['test/unit/core/trust/belief-book.test.ts'],
  'src/core/trust/strand.ts': ['test/unit/core/trust/strand.test.ts'],
  'src/core/trust/list-library.ts': [
    'test/unit/core/trust/list-library.test.ts',
    'test/unit/core/trust/strand.test.ts',
  ],
  'src/core/trust/judge.ts': ['test/unit/core/trust/judge.test.ts'],
  'src/core/trust/judge-list.ts': ['test/unit/core/trust/judge.test.ts'],
};

const wanted = process.argv.slice(2);
const files = Object.keys(targets).filter((file) => wanted.length === 0 || wanted.includes(file));
const copy = mkdtempSync(join(tmpdir(), 'tftp-pki-mutants-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const entry of [
  'src',
  'test',
  'certs',
  'examples',
  'package.json',
  'tsconfig.json',
  'tsconfig.test.json',
  'vitest.config.ts',
])
  cpSync(join(root, entry), join(copy, entry), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

const flipped = {
  '===': '!==',
  '!==': '===',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '&&': '||',
  '||': '&&',
};

/** Where each condition is turned round: comparisons, and/or, negations, tests of `if` and `?:`. */
function mutantsOf(source, file) {
  const { program } = parseSync(file, source);
  const mutants = [];
  const add = (start, end, text) => mutants.push({ start, end, text });
  const visit = (node) => {
    if (Array.isArray(node)) {
      node.forEach(visit);
      return;
    }
    if (node === null || typeof node !== 'object') return;
    if ((node.type === 'BinaryExpression' || node.type === 'LogicalExpression') && node.operator in flipped) {
      const between = source.slice(node.left.end, node.right.start);
      const at = node.left.end + between.indexOf(node.operator);
      add(at, at + node.operator.length, flipped[node.operator]);
    }
    if (node.type === 'UnaryExpression' && node.operator === '!') add(node.start, node.start + 1, '');
    if (
      (node.type === 'IfStatement' || node.type === 'ConditionalExpression') &&
      node.test.type !== 'BinaryExpression' &&
      node.test.type !== 'LogicalExpression' &&
      node.test.type !== 'UnaryExpression'
    )
      add(node.test.start, node.test.end, `!(${source.slice(node.test.start, node.test.end)})`);
    for (const [key, value] of Object.entries(node)) if (key !== 'type') visit(value);
  };
  visit(program.body);
  return mutants;
}

const survivors = [];
let killed = 0;
for (const file of files) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  for (const { start, end, text } of mutantsOf(source, file)) {
    writeFileSync(path, source.slice(0, start) + text + source.slice(end));
    const run = spawnSync('npx', ['vitest', 'run', '--bail=1', '--reporter=dot', ...targets[file]], {
      cwd: copy,
      stdio: 'ignore',
    });
    if (run.status === 0) {
      const line = source.slice(0, start).split('\n').length;
      survivors.push(`${file}:${line}: ${source.slice(start, end)} -> ${text === '' ? '(nothing)' : text}`);
      process.stderr.write(`survived: ${survivors.at(-1)}\n`);
    } else killed += 1;
  }
  writeFileSync(path, source);
}
console.log(`${killed} mutants killed, ${survivors.length} survived`);
for (const survivor of survivors) console.log(`  ${survivor}`);
process.exitCode = survivors.length === 0 ? 0 : 1;

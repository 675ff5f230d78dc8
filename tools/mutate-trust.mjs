/**
 * Flips each condition of judge, belief and planner, one at a time, runs the tests that must notice, and prints for each
 * file how many there are and which survived. A mutant that no test kills is a condition that nobody checks.
 *
 *   npm run mutate [-- FILE…] [--every N]    --every N: each N-th mutant only
 *
 * Works on a copy of the sources; nothing of the tree is changed. Which files are flipped, and which mutants are let go
 * because the program does the same with them: mutation-targets.mjs. Exits 1 when there are survivors, when the tests
 * fail without a mutant, and when one of `equivalent` is no mutant any more.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseSync } from 'vite';
import { createVitest } from 'vitest/node';
import { equivalent, targets } from './mutation-targets.mjs';

const root = resolve(import.meta.dirname, '..');
const { files, every } = parseWords(process.argv.slice(2));
const copy = mkdtempSync(join(tmpdir(), 'tftp-pki-mutants-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const entry of ['src', 'test', 'package.json', 'tsconfig.json'])
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
  const add = (start, end, text, outer) => mutants.push({ start, end, text, outer });
  const visit = (node) => {
    if (Array.isArray(node)) {
      node.forEach(visit);
      return;
    }
    if (node === null || typeof node !== 'object') return;
    // An assertion says what cannot happen: nothing of the program depends on it.
    if (node.type === 'CallExpression' && node.callee.name === 'assert') return;
    if ((node.type === 'BinaryExpression' || node.type === 'LogicalExpression') && node.operator in flipped) {
      const between = source.slice(node.left.end, node.right.start);
      const at = node.left.end + between.indexOf(node.operator);
      add(at, at + node.operator.length, flipped[node.operator], node);
    }
    if (node.type === 'UnaryExpression' && node.operator === '!') add(node.start, node.start + 1, '', node);
    if (
      (node.type === 'IfStatement' || node.type === 'ConditionalExpression') &&
      node.test.type !== 'BinaryExpression' &&
      node.test.type !== 'LogicalExpression' &&
      node.test.type !== 'UnaryExpression'
    )
      add(node.test.start, node.test.end, `!(${source.slice(node.test.start, node.test.end)})`, node.test);
    for (const [key, value] of Object.entries(node)) if (key !== 'type') visit(value);
  };
  visit(program.body);
  return mutants;
}

/** Without line numbers, which move: the file, what is flipped into what, and the condition around it. */
function nameOf(file, source, { start, end, text, outer }) {
  const condition = source.slice(outer.start, outer.end).replaceAll(/\s+/g, ' ');
  const before = source.slice(0, outer.start);
  const what = `${source.slice(start, end)} -> ${text === '' ? '(nothing)' : text}`;
  return { line: before.split('\n').length, word: `${file}: ${what} in ${condition}` };
}

function parseWords(words) {
  const at = words.indexOf('--every');
  const wanted = words.filter((_, index) => at === -1 || (index !== at && index !== at + 1));
  const unknown = wanted.find((word) => !(word in targets));
  if (unknown !== undefined) throw new Error(`${unknown} is not one of ${Object.keys(targets).join(', ')}`);
  return {
    files: wanted.length === 0 ? Object.keys(targets) : wanted,
    every: at === -1 ? 1 : Number(words[at + 1]),
  };
}

function git(...words) {
  return execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
}

/** One vitest for all mutants: it transforms anew what changed, and nothing else. */
const vitest = await createVitest(
  'test',
  {
    root: copy,
    config: false,
    watch: true,
    pool: 'threads',
    maxWorkers: 1,
    bail: 1,
    testTimeout: 20_000,
    reporters: [{}],
  },
  { configFile: false, server: { watch: null } },
);

/** Does every test of these files pass? */
async function passes(tests) {
  const specifications = tests.flatMap((test) => vitest.getModuleSpecifications(join(copy, test)));
  const { testModules, unhandledErrors } = await vitest.rerunTestSpecifications(specifications);
  if (specifications.length !== tests.length || testModules.length === 0) throw new Error('no tests ran');
  return unhandledErrors.length === 0 && testModules.every((module) => module.ok());
}

const survivors = [];
const met = new Set();
let tried = 0;
console.log(
  `the code of ${git('rev-parse', '--short', 'HEAD')}${git('status', '--short', 'src', 'test') && ', changed'}`,
);
await vitest.globTestSpecifications();
for (const file of files) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const tests = targets[file];
  const mutants = mutantsOf(source, file);
  const before = { tried, survived: survivors.length };
  if (mutants.length > 0 && !(await passes(tests)))
    throw new Error(`${tests.join(', ')}: fails without a mutant`);
  for (const [at, mutant] of mutants.entries()) {
    const { line, word } = nameOf(file, source, mutant);
    if (word in equivalent) {
      met.add(word);
      continue;
    }
    if (at % every !== 0) continue;
    tried += 1;
    writeFileSync(path, source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end));
    vitest.invalidateFile(path);
    if (!(await passes(tests))) continue;
    survivors.push(`line ${line} of ${word}`);
    process.stderr.write(`survived: ${survivors.at(-1)}\n`);
  }
  writeFileSync(path, source);
  vitest.invalidateFile(path);
  if (mutants.length > 0 && !(await passes(tests)))
    throw new Error(`${tests.join(', ')}: fails after the mutants are gone`);
  console.log(`${file}: ${tried - before.tried} mutants, ${survivors.length - before.survived} survived`);
}
await vitest.close();

const gone = Object.keys(equivalent).filter(
  (word) => files.some((file) => word.startsWith(`${file}:`)) && !met.has(word),
);
console.log(`${files.length} files: ${tried} mutants, ${survivors.length} survived`);
for (const survivor of survivors) console.log(`  survived: ${survivor}`);
console.log(`${met.size} more do the same as the program:`);
for (const word of met) console.log(`  ${word}\n    ${equivalent[word]}`);
for (const word of gone) console.log(`  no mutant any more: ${word}`);
process.exitCode = survivors.length + gone.length === 0 ? 0 : 1;

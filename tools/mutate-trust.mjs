/**
 * Flips each condition of judge, belief and planner, one at a time, runs the tests that must notice, and prints the
 * survivors. A mutant that no test kills is a condition that nobody checks.
 *
 *   npm run mutate [-- FILE…] [--every N]    --every N: each N-th mutant only
 *
 * Works on a copy of the sources; nothing of the tree is changed. Mutants that no test can kill, because the program
 * does the same with them, stand in `equivalent` with the reason. Exits 1 when there are survivors, when the tests fail
 * without a mutant, and when one of `equivalent` is no mutant any more.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseSync } from 'vite';
import { createVitest } from 'vitest/node';

const root = resolve(import.meta.dirname, '..');
const judge = ['test/unit/core/trust/judge.test.ts'];
const verifiers = [...judge, 'test/unit/core/trust/strict.test.ts'];
const targets = {
  // Belief: what a phone may hold.
  'src/core/trust/belief.ts': ['test/unit/core/trust/belief.test.ts'],
  'src/core/trust/belief-book.ts': ['test/unit/core/trust/belief-book.test.ts'],
  'src/core/trust/merge-beliefs.ts': ['test/unit/core/trust/merge-beliefs.test.ts'],
  // Judge: what a phone that holds it takes.
  'src/core/trust/judge.ts': judge,
  'src/core/trust/judge-list.ts': judge,
  'src/core/trust/belief-in-signer.ts': [...judge, 'test/unit/core/trust/belief-in-signer.test.ts'],
  'src/core/trust/phone-trust.ts': [...judge, 'test/unit/core/trust/phone-trust.test.ts'],
  'src/core/trust/phone-checks.ts': judge,
  'src/core/trust/name-check.ts': [...verifiers, 'test/unit/core/trust/name-check.test.ts'],
  'src/core/trust/signature-check.ts': verifiers,
  'src/core/trust/list-check.ts': [...verifiers, 'test/unit/core/trust/list-check.test.ts'],
  // Planner: whom a change would strand.
  'src/core/trust/strand.ts': ['test/unit/core/trust/strand.test.ts'],
  'src/core/trust/list-library.ts': [
    'test/unit/core/trust/list-library.test.ts',
    'test/unit/core/trust/strand.test.ts',
  ],
  'src/core/trust/invariants.ts': ['test/unit/core/trust/plan.test.ts'],
  'src/core/cluster/move-path.ts': ['test/unit/core/cluster/move-path.test.ts'],
  'src/app/field.ts': ['test/unit/app/field.test.ts'],
  'src/app/move-field.ts': ['test/unit/app/move-field.test.ts'],
};

/** Mutants that change nothing that anybody could see, and why. */
const equivalent = {};

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
let killed = 0;
let tried = 0;
await vitest.globTestSpecifications();
for (const file of files) {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const tests = targets[file];
  if (!(await passes(tests))) throw new Error(`${tests.join(', ')}: fails without a mutant`);
  const mutants = mutantsOf(source, file);
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
    if (await passes(tests)) {
      survivors.push(`line ${line} of ${word}`);
      process.stderr.write(`survived: ${survivors.at(-1)}\n`);
    } else killed += 1;
  }
  writeFileSync(path, source);
  vitest.invalidateFile(path);
  if (!(await passes(tests))) throw new Error(`${tests.join(', ')}: fails after the mutants are gone`);
}
await vitest.close();

const gone = Object.keys(equivalent).filter(
  (word) => files.some((file) => word.startsWith(`${file}:`)) && !met.has(word),
);
console.log(`${tried} mutants, ${killed} killed, ${survivors.length} survived`);
for (const survivor of survivors) console.log(`  survived: ${survivor}`);
console.log(`${met.size} more do the same as the program:`);
for (const word of met) console.log(`  ${word}\n    ${equivalent[word]}`);
for (const word of gone) console.log(`  no mutant any more: ${word}`);
process.exitCode = survivors.length + gone.length === 0 ? 0 : 1;

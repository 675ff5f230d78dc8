/** security.md §1: "no write code exists in the serving process" — the edge and everything it imports. */
import { expect, test } from 'vitest';
import { readSource, type SourceFile } from './source.ts';

/** What of node:fs and node:fs/promises the edge may name; none of it makes, changes or removes anything. */
const reading = new Set(
  (
    'constants open openSync read readSync close closeSync FileHandle Stats BigIntStats stat statSync fstat fstatSync ' +
    // writeSync: to descriptors that are open already, an eventfd and standard output.
    'lstat statfs readdir readFile realpath watch FSWatcher writeSync'
  ).split(' '),
);

test('the edge and what it imports can read files and write none', () => {
  const files = closureOf('src/node/edge-process.ts');
  expect(files.length).toBeGreaterThan(50);
  const writing = files.flatMap(({ path, text }) =>
    [...text.matchAll(/^import (?:type )?\{([^}]*)\} from 'node:fs(?:\/promises)?';/gms)]
      .flatMap(([, names = '']) => names.split(','))
      .map(
        (name) =>
          name
            .trim()
            .replace(/^type /, '')
            .split(' as ')[0] ?? '',
      )
      .filter((name) => name !== '' && !reading.has(name))
      .map((name) => `${path}: ${name}`),
  );
  expect(writing).toEqual([]);
  // No other way in: a namespace import, or flags that open for writing.
  const other = files.filter(({ text }) =>
    /\* as \w+ from 'node:fs|O_WRONLY|O_RDWR|O_CREAT|createWriteStream/.test(text),
  );
  expect(other.map(({ path }) => path)).toEqual([]);
});

/** What is imported for its value, directly or not. */
function closureOf(entry: string): readonly SourceFile[] {
  const found = new Map<string, SourceFile>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    const file = readSource(path);
    found.set(path, file);
    for (const { path: next, typeOnly } of file.imports)
      if (next !== undefined && !typeOnly) waiting.push(next);
  }
  return [...found.values()];
}

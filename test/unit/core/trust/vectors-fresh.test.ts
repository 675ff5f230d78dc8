import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { vectorFolders } from '../../../../tools/vectors/folders.ts';

it.each(vectorFolders)('tools/vectors writes the bytes of $folder again', ({ folder, vectors }) => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  expect(files.sort()).toEqual(
    Object.keys(vectors)
      .map((name) => `${name}.bin`)
      .sort(),
  );
  const stale = Object.entries(vectors).filter(
    ([name, build]) => !readFileSync(new URL(`${name}.bin`, folder)).equals(build()),
  );
  expect(stale.map(([name]) => name)).toEqual([]);
});

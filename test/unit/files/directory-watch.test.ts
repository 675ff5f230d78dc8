import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { directoryLookMs, freshWatchedMs } from '../../../src/base/limits.ts';
import { createDirectoryWatch } from '../../../src/files/directory-watch.ts';

test('a directory that was replaced is told of when it is looked at, and its successor is watched', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-watch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const root = join(folder, 'root');
  mkdirSync(root);
  let changes = 0;
  const watch = createDirectoryWatch({ onChange: () => void changes++, onEvent: () => undefined });
  onTestFinished(() => watch.close());
  expect(await watch.freshFor(root)).toBe(freshWatchedMs);
  renameSync(root, join(folder, 'old'));
  mkdirSync(root);
  await sleep(directoryLookMs + 100);
  const before = changes;
  expect(await watch.freshFor(root)).toBe(freshWatchedMs);
  expect(changes).toBeGreaterThan(before);
  await sleep(100); // what is told together has been told
  const settled = changes;
  writeFileSync(join(root, 'Ringlist.xml'), 'new');
  await expect.poll(() => changes, { timeout: 10_000 }).toBeGreaterThan(settled);
});

/**
 * Builds dist/ from src/: compile, remove what no source stands behind any more, set the execute bit.
 * A stamp over the sources, taken before the compiler reads them, tells the next start that nothing changed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.build-stamp');
export const entry = join(dist, 'main.js');

/** Name, size and time of every file the build depends on; content would cost more and say the same. */
export function sourceStamp() {
  const hash = createHash('sha256').update(process.version);
  for (const path of [
    ...filesUnder(join(root, 'src')).sort((a, b) => (a < b ? -1 : 1)),
    join(root, 'tsconfig.json'),
    join(root, 'package.json'),
  ]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

export function isBuilt() {
  return existsSync(entry) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sourceStamp();
}

/** Returns the compiler's words when it refused, otherwise undefined. */
export function build() {
  const stamp = sourceStamp();
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  const run = spawnSync(compiler, ['-p', join(root, 'tsconfig.json')], { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) return `${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}`.trim();
  removeOrphans();
  chmodSync(entry, 0o755);
  linkCommand();
  mkdirSync(dist, { recursive: true });
  writeFileSync(stampFile, stamp);
  return undefined;
}

/** `npx tftp-pki` looks into node_modules/.bin; a checkout is not installed into itself, so the link is made here. */
export function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'tftp-pki');
  const target = relative(dirname(link), entry);
  const present = lstatSync(link, { throwIfNoEntry: false });
  if (present?.isSymbolicLink() && readlinkSync(link) === target) return;
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

/** A deleted or renamed source must not live on in the package. */
function removeOrphans() {
  for (const path of filesUnder(dist)) {
    const stem = relative(dist, path).replace(/(\.d)?\.(js|ts)(\.map)?$/, '');
    if (!existsSync(join(root, 'src', `${stem}.ts`))) rmSync(path);
  }
}

function filesUnder(folder) {
  /** @type {string[]} */
  const found = [];
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, item.name);
    if (item.isDirectory()) found.push(...filesUnder(path));
    else found.push(path);
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const refusal = build();
  if (refusal !== undefined) {
    console.error(refusal);
    process.exitCode = 1;
  }
}

/**
 * Builds dist/ from src/: types by the compiler, programs by esbuild with the packages they use (a third of
 * a start was looking for modules; docs/decisions/one-build.md), the licences of those packages beside them.
 * A stamp over the sources, taken before anything reads them, tells the next start that nothing changed.
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
/** As deep as the folders of src, so that certs/ and package.json are found by the same way from both. */
const bin = join(dist, 'bin');
export const entry = join(bin, 'main.js');

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
  const written = bundle();
  if (typeof written === 'string') return written;
  removeOrphans(written);
  chmodSync(entry, 0o755);
  linkCommand();
  writeFileSync(stampFile, stamp);
  return undefined;
}

/** Each of these is started by its file: by people, by importers, by fork and by `new Worker`. */
const programs = {
  main: 'src/main.ts',
  index: 'src/index.ts',
  'edge-process': 'src/node/edge-process.ts',
  'tvs-process': 'src/node/tvs-process.ts',
  worker: 'src/net/mmsg/worker.ts',
};
/** Machine code, or asked for only where it is there. */
const notBundled = ['better-sqlite3', 'koffi', 'pkcs11js', 'ssh2', 'pg-native'];

/** The files it wrote; esbuild's words when it refused. */
function bundle() {
  const facts = join(root, 'node_modules', '.cache', 'tftp-pki-bundle.json');
  mkdirSync(dirname(facts), { recursive: true });
  const args = [
    ...Object.entries(programs).map(([name, source]) => `${name}=${source}`),
    ...notBundled.map((name) => `--external:${name}`),
    `--outdir=${bin}`,
    `--metafile=${facts}`,
    '--bundle',
    '--splitting',
    '--format=esm',
    '--platform=node',
    '--target=node20',
    // @peculiar/x509 gives its names to `import()` only from there.
    '--main-fields=module,main',
    '--legal-comments=none',
    '--log-level=warning',
    // CommonJS packages ask for Node's modules by require.
    `--banner:js=import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`,
  ];
  // Called before packages are installed, this file cannot import it.
  const esbuild = join(root, 'node_modules', '.bin', 'esbuild');
  const run = spawnSync(esbuild, args, { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) return `${run.stderr ?? ''}${run.error?.message ?? ''}`.trim();
  const { inputs, outputs } = JSON.parse(readFileSync(facts, 'utf8'));
  const licences = join(bin, 'LICENSES.txt');
  writeFileSync(licences, licencesOf(Object.keys(inputs)));
  return new Set([...Object.keys(outputs).map((path) => join(root, path)), licences]);
}

/** Of every package a file of which was taken in. */
function licencesOf(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (found !== undefined) packages.add(found);
  }
  return [...packages]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const file = readdirSync(join(root, folder)).find((item) => /^licen[cs]e/i.test(item));
      const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8').trim();
      return `${name} ${version}, ${license}\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n`);
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

/** What an earlier build left behind must not live on in the package. */
function removeOrphans(written) {
  for (const path of filesUnder(dist)) {
    const type = /^types\/(.*)\.d\.ts$/.exec(relative(dist, path))?.[1];
    const isCurrent = type === undefined ? written.has(path) : existsSync(join(root, 'src', `${type}.ts`));
    if (!isCurrent) rmSync(path);
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

/**
 * Makes a fresh clone ready: `node tools/set-up.mjs start|test|bench`.
 * Needs nothing but Node, npm, the npm registry and, where something is missing, Debian's packages:
 * installed as root, otherwise named. Says a line for each thing it does and nothing when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt, linkCommand, root } from './build.mjs';

const nodeLeast = [20, 19];

/** Program looked for → Debian package that brings it. Only what the tests and benchmarks really call. */
const programs = {
  start: {},
  test: {
    atftp: 'atftp',
    tftp: 'tftp-hpa',
    busybox: 'busybox',
    curl: 'curl',
    openssl: 'openssl',
    certtool: 'gnutls-bin',
    keytool: 'default-jre-headless',
    'softhsm2-util': 'softhsm2',
    strace: 'strace',
    'systemd-analyze': 'systemd',
    sshd: 'openssh-server',
    pg_createcluster: 'postgresql',
    dnsmasq: 'dnsmasq-base',
  },
  bench: { gcc: 'gcc', dnsmasq: 'dnsmasq-base' },
};

/**
 * Servers the benchmark measures beside ours. They are unpacked, not installed: two of them exclude each other, and an
 * installed one would start to serve. Program → package; libwrap0 is a library of the first two.
 */
const peers = { 'in.tftpd': 'tftpd-hpa', atftpd: 'atftpd', nginx: 'nginx' };
const peerLibraries = ['libwrap0'];
const peerFolder = join(root, 'var', 'bench', 'peers');

const compilers = { 'g++': 'g++', make: 'make', python3: 'python3' };

/** Throws SetUpError when it cannot go on; everything it did stays done, a second run goes on from there. */
export function setUp(purpose) {
  requireNode();
  requirePrograms(programs[purpose], `npm ${purpose === 'bench' ? 'run bench' : purpose}`);
  ensureDependencies();
  if (purpose === 'test') ensureAddon(tokenDriver);
  ensureBuild();
  // As remotes in tests, as rivals in benchmarks.
  if (purpose !== 'start') ensurePeers();
}

export class SetUpError extends Error {}

/** Runs `work`; a SetUpError becomes one line on stderr and exit status 1. */
export function orStop(work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    console.error(`set-up: ${error.message}`);
    process.exit(1);
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1])) return;
  throw new SetUpError(
    `Node ${nodeLeast.join('.')} or newer is needed, this is ${process.versions.node} at ${process.execPath}.\n` +
      'set-up: Debian 13 has a Node 20 that fits; Debian 12 ships 18: install 20 or 24 beside it (https://nodejs.org).',
  );
}

function requirePrograms(wanted, forWhat) {
  const missing = Object.keys(wanted).filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  installDebian(
    missing.map((program) => wanted[program]),
    `${forWhat} needs ${missing.join(', ')}`,
  );
  const still = missing.filter((program) => !isInstalled(program));
  if (still.length > 0)
    throw new SetUpError(`${forWhat} needs ${still.join(', ')}, still missing after installing`);
}

function isInstalled(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

function installDebian(packages, why) {
  const names = [...new Set(packages)];
  const command = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (process.getuid?.() !== 0 || !isInstalled('apt-get'))
    throw new SetUpError(`${why}. Run as root: apt-get update && ${command}`);
  say(`${why}: installing Debian packages ${names.join(' ')}`);
  updatePackageLists();
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const [program, ...args] = command.split(' ');
  const run = spawnSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (run.status !== 0) throw new SetUpError(`${command} failed:\n${tail(run)}`);
}

/** One that fails may still leave lists that are good enough; the install says whether they were. */
function updatePackageLists() {
  if (process.getuid?.() === 0) spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
}

function ensurePeers() {
  const bin = join(peerFolder, 'usr', 'sbin');
  if (Object.keys(peers).every((program) => existsSync(join(bin, program)))) return;
  const packages = [...Object.values(peers), ...peerLibraries];
  say(`unpacking ${packages.join(', ')} under var/bench/peers`);
  const debs = join(peerFolder, 'debs');
  rmSync(debs, { recursive: true, force: true });
  mkdirSync(debs, { recursive: true });
  updatePackageLists();
  const run = spawnSync('apt-get', ['download', '-qq', ...packages], { cwd: debs, encoding: 'utf8' });
  if (run.status !== 0) throw new SetUpError(`apt-get download failed:\n${tail(run)}`);
  for (const deb of readdirSync(debs)) {
    const unpacked = spawnSync('dpkg', ['-x', join(debs, deb), peerFolder], { encoding: 'utf8' });
    if (unpacked.status !== 0) throw new SetUpError(`dpkg -x ${deb} failed:\n${tail(unpacked)}`);
  }
}

function ensureDependencies() {
  if (!dependenciesMatchLock()) {
    say('installing npm packages');
    // No package's script runs but the one named below.
    const run = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    if (run.status !== 0) throw new SetUpError(`npm ci failed:\n${tail(run)}`);
  }
  ensureAddon(databaseDriver);
  linkCommand();
}

/** npm notes what it installed in a lock file of its own; an install by hand counts as much as ours. */
function dependenciesMatchLock() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  // npm leaves out what is optional and made for another platform, with all that hangs on it; never what we ask for.
  const asked = new Set(
    Object.keys(locked[''].optionalDependencies ?? {}).map((name) => `node_modules/${name}`),
  );
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true;
    if (installed[path] === undefined) return entry.optional === true && !asked.has(path);
    return installed[path].version === entry.version;
  });
}

/** Packages with native code: what each is for, and a script that only works when it is built. */
const databaseDriver = {
  pack: 'better-sqlite3',
  what: 'the database driver',
  script: "new (require('better-sqlite3'))(':memory:').close()",
};
/** Optional for a node, so that one without a token needs no compiler; the tests sign by a token in software. */
const tokenDriver = { pack: 'pkcs11js', what: 'the driver of PKCS#11 tokens', script: "require('pkcs11js')" };

/**
 * In a process of its own: an addon built for another Node, once loaded, cannot be loaded again. That it loaded is
 * noted beside the packages, so that npm's removal of them removes the note, and a start need not try again.
 */
function loads({ pack, script }) {
  const note = join(root, 'node_modules', '.tftp-pki', `${pack}-${process.version}-${process.arch}`);
  if (existsSync(note) && existsSync(join(root, 'node_modules', pack, 'build', 'Release'))) return true;
  if (spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' }).status !== 0) return false;
  mkdirSync(dirname(note), { recursive: true });
  writeFileSync(note, '');
  return true;
}

function ensureAddon(addon) {
  if (loads(addon)) return;
  const { pack, what } = addon;
  say(`fetching ${what}, or compiling it where no prebuilt one is reachable (about a minute)`);
  let run = rebuild(pack);
  if (run.status !== 0) {
    const missing = Object.keys(compilers).filter((program) => !isInstalled(program));
    const packages = [...missing.map((program) => compilers[program]), ...headerPackages()];
    if (packages.length > 0) {
      installDebian(
        packages,
        `no prebuilt ${pack} is reachable and compiling it needs ${packages.join(', ')}`,
      );
      say(`compiling ${what}`);
      run = rebuild(pack);
    }
  }
  if (run.status !== 0) throw new SetUpError(`${pack} could not be built:\n${tail(run)}`);
  if (!loads(addon)) throw new SetUpError(`${pack} was built but does not load with this Node`);
}

function rebuild(pack) {
  const prefix = dirname(dirname(process.execPath));
  const env = headersMatch(prefix) ? { npm_config_nodedir: prefix } : {};
  return npm(['rebuild', pack, '--ignore-scripts=false'], env);
}

/** node-gyp downloads Node's headers unless told where they are; a matching set often lies beside Node itself. */
function headersMatch(prefix) {
  const header = join(prefix, 'include', 'node', 'node_version.h');
  if (!existsSync(header)) return false;
  const version = /#define NODE_MODULE_VERSION (\d+)/.exec(readFileSync(header, 'utf8'))?.[1];
  return version === process.versions.modules;
}

/** Debian splits the headers off its own Node. */
function headerPackages() {
  if (headersMatch(dirname(dirname(process.execPath)))) return [];
  const run = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'nodejs'], { encoding: 'utf8' });
  return process.execPath === '/usr/bin/node' && run.stdout?.includes('dfsg') ? ['libnode-dev'] : [];
}

function ensureBuild() {
  if (isBuilt()) return;
  say('building dist');
  const refusal = build();
  if (refusal !== undefined) throw new SetUpError(`the build failed:\n${refusal}`);
}

function npm(args, env = {}) {
  return spawnSync('npm', args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

function tail(run) {
  const text = run.error?.message ?? `${run.stdout}${run.stderr}`;
  return text.trim().split('\n').slice(-25).join('\n');
}

function say(line) {
  console.error(`set-up: ${line}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const purpose = process.argv[2] ?? '';
  orStop(() => {
    if (!Object.hasOwn(programs, purpose))
      throw new SetUpError('usage: node tools/set-up.mjs start|test|bench');
    setUp(purpose);
  });
}

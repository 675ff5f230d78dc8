/**
 * The shipped systemd units: how much they leave open (security.md §4: exposure ≤ 1.2), and that a node which serves by
 * every protocol stays within the system calls that its unit allows. No running systemd is needed.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryFileBytesMax } from '../../src/base/limits.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { programPath } from '../cli/testscript.ts';
import { runProgram } from '../helpers/run-program.ts';
import { serveProgram } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const run = promisify(execFile);
const units = join(import.meta.dirname, '../../docs/operations/systemd');
const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-unit-'));

/** Asked for and done without: the unit refuses them, and here strace does, in its place. */
const dispensable = ['prlimit64', 'pkey_alloc', 'sched_setaffinity'];

beforeAll(() => mkdirSync(join(folder, 'files')));
afterAll(() => rmSync(folder, { recursive: true }));

test('the service unit leaves no more open than 1.2', async () => {
  const unit = join(units, 'tftp-pki.service');
  const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeLessThanOrEqual(1.2);
});

test('systemd knows every line of the units', async () => {
  // The program is not installed here; a path that exists in its place leaves only the units to complain of.
  for (const name of ['tftp-pki.service', 'tftp-pki.socket']) {
    const text = readFileSync(join(units, name), 'utf8');
    writeFileSync(join(folder, name), text.replace('/usr/local/bin/tftp-pki', process.execPath));
  }
  const paths = ['tftp-pki.service', 'tftp-pki.socket'].map((name) => join(folder, name));
  const { stdout, stderr } = await run('systemd-analyze', [
    'verify',
    '--man=no',
    '--recursive-errors=no',
    ...paths,
  ]);
  expect(stdout + stderr).toBe('');
});

test(
  'a node that serves by TFTP and HTTP, and reloads stays within the allowed system calls',
  { timeout: 120_000 },
  async () => {
    const [files, data, trace] = [join(folder, 'files'), join(folder, 'node'), join(folder, 'trace')];
    writeFileSync(join(files, 'small.xml'), '<x/>');
    writeFileSync(join(files, 'large.bin'), Buffer.alloc(memoryFileBytesMax * 2));
    const init = ['init', '--cluster', 'lab', '--node', 'localhost', '--files', files, '--data', data];
    expect(await runProgram(init, fakeTerminal())).toBe(0);
    const node = await serveProgram(['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', data], {
      wrap: [
        'strace',
        ...`-f -qq -c -S name -U name -e inject=${dispensable.join(',')}:error=EPERM`.split(' '),
        '-o',
        trace,
      ],
    });
    const get = (name: string) =>
      fetchTftp({
        host: '127.0.0.1',
        port: node.port('tftp'),
        name,
        blksize: 1428,
        windowsize: 8,
        sizeBytesMax: 1e7,
      });
    const web = (name: string) =>
      fetch(`http://127.0.0.1:${node.port('http')}/${name}`).then((answer) => answer.arrayBuffer());
    for (const name of ['small.xml', 'small.xml.sgn', 'large.bin']) await Promise.all([get(name), web(name)]);
    writeFileSync(join(files, 'small.xml'), '<y/>');
    await run(process.execPath, [programPath, 'reload', '--data', data]);
    await Promise.all([get('small.xml'), web('small.xml')]);
    // strace passes SIGINT on to nobody: the server is its child.
    const server = Number(JSON.parse(readFileSync(join(data, 'serve.json'), 'utf8')).pid);
    process.kill(server, 'SIGINT');
    await new Promise((done) => node.child.once('exit', done));
    const used = readFileSync(trace, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^[a-z][a-z0-9_]+$/.test(line) && !['syscall', 'total'].includes(line));
    expect(used).toContain('recvmmsg');
    const allowed = allowedCalls(readFileSync(join(units, 'tftp-pki.service'), 'utf8'));
    const refused = used.filter((call) => !allowed.has(call));
    // SQLite gives its files away only as root, which the service is not.
    expect(refused.filter((call) => !dispensable.includes(call) && call !== 'fchown')).toEqual([]);
  },
);

/** What the SystemCallFilter lines of a unit let through, its sets expanded as this systemd has them. */
function allowedCalls(unit: string): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [, tilde, names = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const call of names.split(' ').flatMap(expand)) {
      if (tilde === '~') allowed.delete(call);
      else allowed.add(call);
    }
  return allowed;
}

function expand(name: string): readonly string[] {
  if (!name.startsWith('@')) return [name];
  const text = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager', name], { encoding: 'utf8' });
  const lines = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
  return lines.filter((line) => /^@?[a-z]/.test(line)).flatMap(expand);
}

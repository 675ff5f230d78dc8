/** The tools a fresh clone and CI stand on: what they say when they cannot go on, and what they count. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './source.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-tools-'));
afterAll(() => rmSync(folder, { recursive: true }));

function tool(name: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  return spawnSync(process.execPath, [join(root, 'tools', name), ...args], { encoding: 'utf8', env });
}

describe('set-up', () => {
  it('has nothing to say and to do where everything is there', () => {
    const { status, stdout, stderr } = tool('set-up.mjs', ['test']);
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  it('names what is missing and the command that brings it, where it may not install', () => {
    // Without apt-get on the path it cannot install, whoever runs it.
    const { status, stderr } = tool('set-up.mjs', ['test'], { PATH: folder });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^set-up: npm test needs .*atftp.*\. Run as root: apt-get update && apt-get install .*atftp.*\n$/,
    );
  });

  it('knows its purposes', () => {
    expect(tool('set-up.mjs', ['tests'])).toMatchObject({
      status: 1,
      stderr: 'set-up: usage: node tools/set-up.mjs start|test|bench\n',
    });
  });
});

describe('the last line of CI', () => {
  const passed = { status: 'passed', fullName: 'a' };

  function summary(files: readonly unknown[] | undefined, testStatus = '0', checkStatus = '0') {
    const report = join(folder, 'report.json');
    writeFileSync(report, files === undefined ? '' : JSON.stringify({ testResults: files }));
    const { status, stdout } = tool('ci-summary.mjs', [report, testStatus, checkStatus]);
    return [status, stdout.trimEnd().split('\n').at(-1)];
  }

  it.each([
    ['all is well', [{ name: 'f', assertionResults: [passed, passed] }], '0', '0', [0, '3 passed, 0 failed']],
    [
      'a test failed',
      [{ name: 'f', assertionResults: [passed, { status: 'failed', fullName: 'b' }] }],
      '1',
      '0',
      [1, '2 passed, 1 failed'],
    ],
    [
      'a test was skipped',
      [{ name: 'f', assertionResults: [passed, { status: 'skipped', fullName: 'b' }] }],
      '0',
      '0',
      [1, '2 passed, 1 failed'],
    ],
    [
      'a file did not load',
      [
        { name: 'f', assertionResults: [passed] },
        { name: 'g', message: 'no', assertionResults: [] },
      ],
      '1',
      '0',
      [1, '2 passed, 1 failed'],
    ],
    [
      'an error outside every test',
      [{ name: 'f', assertionResults: [passed] }],
      '1',
      '0',
      [1, '2 passed, 1 failed'],
    ],
    ['set-up stopped', undefined, '1', '0', [1, '1 passed, 1 failed']],
    ['no test ran', [], '0', '0', [1, '1 passed, 1 failed']],
    ['the check failed', [{ name: 'f', assertionResults: [passed] }], '0', '2', [1, '1 passed, 1 failed']],
  ])('%s', (_, files, testStatus, checkStatus, expected) => {
    expect(summary(files, testStatus, checkStatus)).toEqual(expected);
  });
});

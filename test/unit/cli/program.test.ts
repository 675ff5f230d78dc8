import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { Failure } from '../../../src/base/errors.ts';
import { commands } from '../../../src/cli/commands.ts';
import { exitStatusByCode } from '../../../src/cli/exit.ts';
import { asFailure } from '../../../src/cli/failure.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { fakeTerminal } from '../../helpers/terminal.ts';

describe('the program', () => {
  it.each(commands.map(({ name }) => name))('%s --help explains itself with an example', async (name) => {
    const { status, stdout, stderr } = await run(name, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: tftp-pki ${name}`));
    expect(stdout).toMatch(/^Examples?:\n {2}# .+\n {2}.*tftp-pki /m);
    expect(stdout).toMatch(/--data <DIR>/);
    // Lines that wrap badly are hard to read on a terminal of a hundred columns.
    const prose = stdout.slice(0, stdout.search(/^Examples?:/m));
    for (const line of prose.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('lists every command under its topic', async () => {
    const { status, stdout } = await run('--help');
    expect(status).toBe(0);
    for (const { name, topic, summary } of commands) {
      const section = stdout.split(`\n${topic}:\n`)[1]?.split('\n\n')[0] ?? '';
      expect(section).toContain(name);
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(summary);
    }
  });

  it.each([
    [['verfiy', 'x'], "unknown command 'verfiy'", 'did you mean verify?'],
    [['verify', 'x', '--trust-lst', 'y'], "unknown option '--trust-lst'", 'did you mean --trust-list?'],
    [['inspect'], "missing required argument 'file'", 'tftp-pki --help lists commands and options'],
    [['strip', 'a', 'b'], "too many arguments for 'strip'", 'tftp-pki --help lists commands and options'],
    [['completion', 'tcsh'], 'tcsh', 'tftp-pki --help lists commands and options'],
    [['verify', 'x', '--trust'], "option '--trust <ROLE=CERT.pem>' argument missing", 'tftp-pki --help'],
  ])('usage: %j', async (argv, error, hint) => {
    const { status, stdout, stderr } = await run(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    const [first, second, ...rest] = stderr.split('\n');
    expect(first).toMatch(/^tftp-pki: error: /);
    expect(first).toContain(error);
    expect(second).toMatch(/^tftp-pki: hint: /);
    expect(second).toContain(hint);
    expect(rest).toEqual(['']);
  });

  it('without a command it shows help as an error', async () => {
    const { status, stdout, stderr } = await run();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: tftp-pki/);
  });

  it('what a person typed cannot draw on the terminal', async () => {
    const { stderr } = await run('inspect', '/nowhere/\u001b[2Jx');
    expect(stderr).toContain('\\x1b[2Jx');
    expect(stderr).not.toContain('\u001b');
  });

  it('the operating system has the words of the table', () => {
    const failures: readonly [string, ErrorCode][] = [
      ['ENOENT', 'storage-unreadable'],
      ['ENOSPC', 'storage-full'],
      ['EADDRINUSE', 'address-in-use'],
      ['ECONNREFUSED', 'unreachable'],
    ];
    for (const [errno, code] of failures)
      expect(asFailure(Object.assign(new Error('x'), { code: errno }))).toMatchObject({ code });
    expect(asFailure(new Failure('usage', 'x'))?.code).toBe('usage');
    expect(asFailure(new TypeError('a bug'))).toBeUndefined();
  });

  it('design.md §6: exit statuses', () => {
    expect(exitStatusByCode).toMatchObject({
      usage: 2,
      refused: 1,
      'config-invalid': 3,
      'passphrase-wrong': 3,
      'address-in-use': 4,
      unreachable: 4,
      'storage-unreadable': 5,
      'storage-corrupt': 5,
    });
  });
});

async function run(...argv: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const terminal = fakeTerminal();
  const status = await runProgram(argv, terminal);
  return { status, stdout: terminal.stdout.text, stderr: terminal.stderr.text };
}

import { describe, expect, it } from 'vitest';
import { Output, type Terminal } from '../../../src/cli/output.ts';
import { fakeTerminal, type FakeTerminal } from '../../helpers/terminal.ts';

describe('the manners of the terminal', () => {
  it('keeps data and talk apart', () => {
    const { output, stdout, stderr } = open();
    output.line('data');
    output.error('went wrong');
    output.hint('do this');
    output.warn('look');
    output.note('listening');
    expect(stdout.text).toBe('data\n');
    expect(stderr.text).toBe(
      'tftp-pki: error: went wrong\ntftp-pki: hint: do this\ntftp-pki: warning: look\ntftp-pki: listening\n',
    );
  });

  it.each([
    ['a pipe', false, {}, false],
    ['a terminal', true, {}, true],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR, which says nothing', true, { NO_COLOR: '' }, true],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
  ] as const)('colour: %s', (_, isTTY, env, coloured) => {
    const { output, stderr } = open(isTTY, env);
    output.error('x');
    expect(stderr.text.includes('\u001b[')).toBe(coloured);
  });

  it('aligns columns, the last one free, without trailing blanks', () => {
    const { output, stdout } = open();
    output.table(
      ['NAME', 'MODEL'],
      [
        ['SEP001122334455', 'CP-8851'],
        ['ATA1', ''],
      ],
    );
    expect(stdout.text).toBe('NAME             MODEL\nSEP001122334455  CP-8851\nATA1\n');
  });

  it('is quiet when the reader goes away and loud when the disk is full', async () => {
    const gone = open();
    gone.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await new Promise(setImmediate);
    gone.output.line('nobody reads this');
    await expect(gone.output.flush()).resolves.toBeUndefined();

    const full = open();
    full.stdout.destroy(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    await new Promise(setImmediate);
    await expect(full.output.flush()).rejects.toThrow('full');
  });
});

function open(
  isTTY = false,
  env: Terminal['env'] = {},
): { output: Output; stdout: FakeTerminal['stdout']; stderr: FakeTerminal['stderr'] } {
  const terminal = fakeTerminal(isTTY, env);
  return { output: new Output(terminal, false), stdout: terminal.stdout, stderr: terminal.stderr };
}

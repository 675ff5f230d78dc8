import * as fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import { createLineBuffer } from '../../../src/telemetry/line-buffer.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import type { LogLevel } from '../../../src/telemetry/words.ts';

const nowMs = () => Date.UTC(2026, 10, 21, 12, 0, 0, 7);

function linesOf(
  format: 'human' | 'json',
  events: readonly Event[],
  level: LogLevel = 'debug',
): readonly string[] {
  const lines: string[] = [];
  const log = createLog({ level, format, write: (line) => lines.push(line), nowMs });
  for (const event of events) log(event);
  return lines;
}

function served(name: string, address = '10.0.0.7'): Event {
  return {
    type: 'file-served',
    transport: 'tftp',
    address,
    name,
    bytes: 512,
    durationMs: 2.71451,
    retransmits: 0,
    by: 'local',
  };
}

function missed(name: string, quiet: boolean): Event {
  return {
    type: 'file-not-served',
    transport: 'tftp',
    address: '10.0.0.7',
    name,
    outcome: 'not-found',
    reason: 'not found',
    quiet,
  };
}

describe('the log', () => {
  it('writes one line for people', () => {
    expect(linesOf('human', [served('Ringlist.xml')])).toEqual([
      '2026-11-21T12:00:00.007Z info  file-served transport=tftp address=10.0.0.7 name=Ringlist.xml bytes=512 durationMs=2.715 retransmits=0 by=local\n',
    ]);
  });

  it('writes one JSON object per line', () => {
    const [line] = linesOf('json', [served('Ringlist.xml')]);
    expect(JSON.parse(line ?? '')).toEqual({
      level: 'info',
      time: '2026-11-21T12:00:00.007Z',
      type: 'file-served',
      transport: 'tftp',
      address: '10.0.0.7',
      name: 'Ringlist.xml',
      bytes: 512,
      durationMs: 2.715,
      retransmits: 0,
      by: 'local',
    });
  });

  it('keeps the noise of booting phones at debug level (domain.md §3)', () => {
    const noise = missed('CTLSEP001122334455.tlv', true);
    const miss = missed('SEP001122334455.cnf.xml', false);
    expect(linesOf('json', [noise, miss], 'info')).toHaveLength(1);
    expect(linesOf('json', [noise, miss], 'debug')).toHaveLength(2);
  });

  it('writes nothing below its level', () => {
    const warning: Event = { type: 'warning', topic: 'clock', message: 'it jumped' };
    expect(linesOf('human', [served('x'), warning], 'warn')).toHaveLength(1);
    expect(linesOf('human', [served('x'), warning], 'error')).toHaveLength(0);
  });
});

describe('names from outside change nothing in the log (security.md §1)', () => {
  const hostile = [
    '%n%s%d%j%o%O%%',
    'a\r\n2026-11-21T12:00:00.007Z error forged',
    '\u001b[2J\u001b]0;owned\u0007',
    'a" by=local "',
    'a\\" b\\',
    '\u2028\u2029\u202e',
    '{"level":"error"}',
    '\u0000',
    ' ',
    '',
  ];

  it.each(hostile)('%j', (name) => {
    for (const format of ['human', 'json'] as const) {
      const lines = linesOf(format, [served(name, name), missed(name, false)]);
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]+\n$/);
    }
    const [line] = linesOf('json', [served(name)]);
    expect(JSON.parse(line ?? '')).toMatchObject({ type: 'file-served', by: 'local', bytes: 512 });
  });

  it('shows a format directive as it was asked', () => {
    expect(linesOf('human', [served('%n%s')])[0]).toContain(' name="%n%s" ');
  });

  it('for any name, one line with the same keys in the same order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
        const [line = ''] = linesOf('human', [served(name)]);
        const outside = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'X').replace(/ name=[\w./:@+-]+ /, ' name=X ');
        return /^\S+ info {2}file-served transport=tftp address=10\.0\.0\.7 name=X bytes=512 durationMs=2\.715 retransmits=0 by=local\n$/.test(
          outside,
        );
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

it('joins the lines of one turn into one write', async () => {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const write = createLineBuffer(stream);
  write('a\n');
  write('b\n');
  expect(chunks).toEqual([]);
  await setImmediate();
  await setImmediate();
  expect(chunks).toEqual(['a\nb\n']);
});

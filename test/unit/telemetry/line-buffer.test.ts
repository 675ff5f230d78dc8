import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLineBuffer } from '../../../src/telemetry/line-buffer.ts';

test('lines of one turn leave in one write, in their order', async () => {
  const written: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => (written.push(chunk.toString()), done()),
  });
  const write = createLineBuffer(stream);
  write('a\n');
  write('b\n');
  expect(written).toEqual([]);
  await turn();
  expect(written).toEqual(['a\nb\n']);
});

test('a reader that went away costs the lines and nothing else', async () => {
  let tried = 0;
  const stream = new Writable({
    write(_, __, done) {
      tried += 1;
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const write = createLineBuffer(stream);
  for (let line = 0; line < 3; line++) {
    write(`${line}\n`);
    await turn();
    await turn();
  }
  expect({ tried, isGone: !stream.writable }).toEqual({ tried: 1, isGone: true });
});

import { describe, expect, test } from 'vitest';
import { ack, Probe, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)('RFC 2348, blksize, on $engine', ({ engine }) => {
  test.each(['8', '9', '512', '1428', '65464'])('%s is accepted and used', async (blksize) => {
    const { at } = await serve(engine, { file: content(70_000) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'blksize', blksize))).toBe(`OACK blksize=${blksize}`);
    expect(await client.ask(ack(0))).toBe(`DATA 1 ${blksize}`);
  });

  test.each(['0', '7', '65465', '99999999999999999999', '-512', '+512', '0x200', '512 ', '5e2', ''])(
    '"%s" is not a block size: not acknowledged',
    async (blksize) => {
      const { at } = await serve(engine, { file: content(1000) });
      const client = await Probe.to(at);
      expect(await client.ask(rrq('file', 'octet', 'blksize', blksize))).toBe('DATA 1 512');
    },
  );

  test('the answer may be smaller: a configured cap', async () => {
    const { at } = await serve(engine, { file: content(3000) }, { limits: { blksizeMax: 1432 } });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'blksize', '65464'))).toBe('OACK blksize=1432');
    expect(await client.ask(ack(0))).toBe('DATA 1 1432');
  });

  test('a file that is a multiple of blksize ends with an empty DATA', async () => {
    const { at } = await serve(engine, { file: content(2048) });
    const client = await Probe.to(at);
    await client.ask(rrq('file', 'octet', 'blksize', '1024'));
    await client.ask(ack(0));
    await client.ask(ack(1));
    expect(await client.ask(ack(2))).toBe('DATA 3 0');
  });
});

import { describe, expect, test } from 'vitest';
import { ack, error, Probe, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)('RFC 2347 on $engine', ({ engine }) => {
  async function client() {
    return Probe.to((await serve(engine, { file: content(3000) })).at);
  }

  test('an OACK answers accepted options; ACK 0 starts the data', async () => {
    const probe = await client();
    expect(await probe.ask(rrq('file', 'octet', 'blksize', '1024', 'tsize', '0'))).toBe(
      'OACK blksize=1024 tsize=3000',
    );
    expect(await probe.ask(ack(0))).toBe('DATA 1 1024');
    expect(await probe.ask(ack(1))).toBe('DATA 2 1024');
  });

  test('option names are case-insensitive', async () => {
    const probe = await client();
    expect(await probe.ask(rrq('file', 'octet', 'BlkSize', '1024', 'TSIZE', '0'))).toBe(
      'OACK BlkSize=1024 TSIZE=3000',
    );
  });

  test('an unknown option is left out of the OACK', async () => {
    const probe = await client();
    expect(await probe.ask(rrq('file', 'octet', 'multicast', '', 'blksize', '600'))).toBe('OACK blksize=600');
  });

  test.each([[[]], [['multicast', '']], [['blksize', 'many']], [['windowsize', '-1', 'timeout', '']]])(
    'without an acceptable option (%j) there is no OACK',
    async (options) => {
      const probe = await client();
      expect(await probe.ask(rrq('file', 'octet', ...options))).toBe('DATA 1 512');
    },
  );

  test('an option that stands twice is not acknowledged, whatever its case', async () => {
    const probe = await client();
    const packet = rrq('file', 'octet', 'blksize', '1024', 'BLKSIZE', '8', 'tsize', '0');
    expect(await probe.ask(packet)).toBe('OACK tsize=3000');
  });

  test('ERROR 8 of the client ends the transfer', async () => {
    const probe = await client();
    await probe.ask(rrq('file', 'octet', 'blksize', '1024'));
    probe.send(error(8, 'refused'), ack(0));
    expect(await probe.settled()).toEqual([]);
  });

  test('DATA does not start before ACK 0', async () => {
    const probe = await client();
    await probe.ask(rrq('file', 'octet', 'blksize', '1024'));
    probe.send(ack(1), ack(2), ack(65_535));
    expect(await probe.settled()).toEqual([]);
    expect(await probe.ask(ack(0))).toBe('DATA 1 1024');
  });
});

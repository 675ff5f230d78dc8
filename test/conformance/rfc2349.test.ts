import { describe, expect, test } from 'vitest';
import { ack, Probe, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)('RFC 2349 on $engine', ({ engine }) => {
  test.each(['0', '5', '999999'])('tsize %s of a read is answered with the real size', async (asked) => {
    const { at } = await serve(engine, { file: content(70_001) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'tsize', asked))).toBe('OACK tsize=70001');
  });

  test('tsize of a netascii read is the size that travels', async () => {
    const { at } = await serve(engine, { file: Buffer.from('a\nb\rc\n') });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'netascii', 'tsize', '0'))).toBe('OACK tsize=9');
    client.send(ack(0));
    expect((await client.next()).bytes.length - 4).toBe(9);
  });

  test('tsize of an empty file is 0', async () => {
    const { at } = await serve(engine, { file: Buffer.alloc(0) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'tsize', '0'))).toBe('OACK tsize=0');
    expect(await client.ask(ack(0))).toBe('DATA 1 0');
  });

  test.each(['1', '6', '255'])('timeout %s is acknowledged as asked', async (seconds) => {
    const { at } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'timeout', seconds))).toBe(`OACK timeout=${seconds}`);
  });

  test.each(['0', '256', '-1', '1.5', 'x'])('timeout "%s" is not acknowledged', async (seconds) => {
    const { at } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'timeout', seconds))).toBe('DATA 1 10');
  });

  test('an agreed timeout is kept, neither measured nor doubled', async () => {
    const { at } = await serve(engine, { file: content(5000) });
    const client = await Probe.to(at);
    await client.ask(rrq('file', 'octet', 'timeout', '1'));
    client.send(ack(0));
    const times = [await client.next(), await client.next(), await client.next()].map(({ atMs }) => atMs);
    const waits = [(times[1] ?? 0) - (times[0] ?? 0), (times[2] ?? 0) - (times[1] ?? 0)];
    for (const wait of waits) {
      expect(wait).toBeGreaterThan(900);
      expect(wait).toBeLessThan(1800);
    }
  });
});

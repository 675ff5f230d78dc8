import { describe, expect, test } from 'vitest';
import { ack, Probe, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)("RFC 1123 §4.2.3.1, Sorcerer's Apprentice, on $engine", ({ engine }) => {
  test('a duplicate ACK causes no DATA', async () => {
    const { at } = await serve(engine, { file: content(5000) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    client.send(ack(1), ack(1), ack(1), ack(1));
    expect(await client.nextShown()).toBe('DATA 2 512');
    client.send(ack(2), ack(1), ack(2), ack(1));
    expect(await client.nextShown()).toBe('DATA 3 512');
    expect(await client.settled()).toEqual([]);
  });

  test('§4.2.3.2: the time-out adapts: after fast round trips a lost packet costs far less than a second', async () => {
    const { at } = await serve(engine, { file: content(20_000) });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    for (let block = 1; block <= 20; block++) {
      await client.next();
      client.send(ack(block));
    }
    const sent = await client.next();
    const again = await client.next();
    expect(again.bytes.equals(sent.bytes)).toBe(true);
    expect(again.atMs - sent.atMs).toBeLessThan(700);
  });

  test('§4.2.3.2: repeats back off exponentially', async () => {
    const { at } = await serve(engine, { file: content(20_000) });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    await client.next();
    client.send(ack(1));
    const times: number[] = [];
    for (let i = 0; i < 5; i++) times.push((await client.next()).atMs);
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(waits[3]).toBeGreaterThan((waits[0] ?? 0) * 3);
  });
});

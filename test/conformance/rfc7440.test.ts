import { describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { ack, Probe, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)('RFC 7440, windowsize, on $engine', ({ engine }) => {
  async function windowed(size: number, windowsize: string) {
    const { at, server } = await serve(engine, { file: content(size) });
    const client = await Probe.to(at);
    const answer = await client.ask(rrq('file', 'octet', 'windowsize', windowsize));
    return { client, answer, server };
  }

  async function blocks(client: Probe, count: number): Promise<string[]> {
    const shown: string[] = [];
    for (let i = 0; i < count; i++) shown.push((await client.nextShown()).split(' ')[1] ?? '');
    return shown;
  }

  test.each([
    ['1', 1],
    ['4', 4],
    ['64', 64],
    ['65', 64],
    ['65535', 64],
  ])('§3: windowsize %s is answered with %i, the limit', async (asked, given) => {
    const { answer } = await windowed(1000, asked);
    expect(answer).toBe(`OACK windowsize=${given}`);
  });

  test.each(['0', '65536', '-1', 'w'])('§3: "%s" is no window: not acknowledged', async (asked) => {
    expect((await windowed(1000, asked)).answer).toBe('DATA 1 512');
  });

  test('§4: a window is sent before an ACK is wanted, the next after it', async () => {
    const { client } = await windowed(5000, '4');
    client.send(ack(0));
    expect(await blocks(client, 4)).toEqual(['1', '2', '3', '4']);
    expect(await client.settled()).toEqual([]);
    client.send(ack(4));
    expect(await blocks(client, 4)).toEqual(['5', '6', '7', '8']);
    client.send(ack(8));
    expect(await blocks(client, 2)).toEqual(['9', '10']);
    client.send(ack(10));
    expect(await client.settled()).toEqual([]);
  });

  test('§4: an ACK inside the window makes the next one begin behind it', async () => {
    const { client } = await windowed(5000, '4');
    client.send(ack(0));
    await blocks(client, 4);
    client.send(ack(2));
    expect(await blocks(client, 4)).toEqual(['3', '4', '5', '6']);
  });

  test('§4: a repeat of the last ACK resends the window, but not for each repeat', async () => {
    const { client } = await windowed(50_000, '4');
    client.send(ack(0));
    await blocks(client, 4);
    client.send(ack(4));
    expect(await blocks(client, 4)).toEqual(['5', '6', '7', '8']);
    await sleep(60);
    client.send(ack(4), ack(4), ack(4), ack(4), ack(4));
    expect(await blocks(client, 4)).toEqual(['5', '6', '7', '8']);
    expect((await client.settled()).length).toBeLessThanOrEqual(4); // 20 if each repeat counted
  });

  test('§4: an ACK of what was never sent changes nothing', async () => {
    const { client } = await windowed(50_000, '4');
    client.send(ack(0));
    await blocks(client, 4);
    client.send(ack(5), ack(40), ack(65_535));
    expect(await client.settled()).toEqual([]);
  });

  test('a window lost wholly comes again from behind the last ACK', async () => {
    const { client } = await windowed(50_000, '3');
    client.send(ack(0));
    await blocks(client, 3);
    client.send(ack(3));
    expect(await blocks(client, 6)).toEqual(['4', '5', '6', '4', '5', '6']);
  });

  test('block numbers roll over inside a window', { timeout: 60_000 }, async () => {
    const file = content(65_540 * 16 + 3);
    const { at } = await serve(engine, { file });
    const { address: host, port } = at;
    const options = { host, port, name: 'file', blksize: 16, windowsize: 24, sizeBytesMax: file.length };
    expect(Buffer.compare(await fetchTftp(options), file)).toBe(0);
  });
});

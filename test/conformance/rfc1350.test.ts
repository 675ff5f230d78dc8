import { describe, expect, test } from 'vitest';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { ack, error, Probe, rrq, shown, wrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

describe.each(engines)('RFC 1350 on $engine', ({ engine }) => {
  test('§2: a block under 512 bytes ends the transfer', async () => {
    const file = content(1300);
    const { at, events } = await serve(engine, { file });
    const client = await Probe.to(at);
    const got: Buffer[] = [];
    client.send(rrq('file'));
    for (let block = 1; block <= 3; block++) {
      const { bytes } = await client.next();
      expect(shown(bytes)).toBe(`DATA ${block} ${block < 3 ? 512 : 276}`);
      got.push(bytes.subarray(4));
      client.send(ack(block));
    }
    expect(Buffer.concat(got).equals(file)).toBe(true);
    expect(await client.settled()).toEqual([]);
    await expect
      .poll(() => events)
      .toContainEqual(expect.objectContaining({ type: 'file-served', name: 'file', bytes: 1300 }));
  });

  test.each([0, 512, 1024])('§6: a file of %i bytes ends with an empty DATA', async (size) => {
    const { at } = await serve(engine, { file: content(size) });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    for (let block = 1; block <= size / 512; block++) {
      expect(await client.nextShown()).toBe(`DATA ${block} 512`);
      client.send(ack(block));
    }
    expect(await client.nextShown()).toBe(`DATA ${size / 512 + 1} 0`);
  });

  test('§5: modes are case-insensitive', async () => {
    const { at } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'OcTeT'))).toBe('DATA 1 10');
  });

  test('§5: mail is obsolete and unknown modes never were: ERROR 4', async () => {
    const { at, asked } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    for (const mode of ['mail', 'binary', ''])
      expect(await client.ask(rrq('file', mode))).toBe('ERROR 4 Transfer mode not supported');
    expect(asked).toEqual([]);
  });

  test('§5, appendix: an unknown file is ERROR 1, its text ends with NUL', async () => {
    const { at } = await serve(engine, {});
    const client = await Probe.to(at);
    client.send(rrq('nothing'));
    const { bytes } = await client.next();
    expect(bytes).toEqual(Buffer.from('\0\x05\0\x01File not found\0', 'latin1'));
  });

  test('§4: WRQ is refused with ERROR 2 and nothing is taken', async () => {
    const { at, asked, events } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    expect(await client.ask(wrq('file'))).toBe('ERROR 2 Access violation');
    client.send(Buffer.concat([Buffer.of(0, 3, 0, 1), content(100)]));
    expect(await client.settled()).toEqual([]);
    expect(asked).toEqual([]);
    await expect
      .poll(() => events)
      .toContainEqual({ type: 'write-refused', address: '127.0.0.1', name: 'file' });
  });

  test.each([
    ['a line end', 'a\nb', 'a\r\nb'],
    ['a bare CR', 'a\rb', 'a\r\0b'],
    ['CR LF', 'a\r\nb', 'a\r\0\r\nb'],
    ['a last CR', 'ab\r', 'ab\r\0'],
    ['nothing', '', ''],
  ])('§1: netascii writes %s as RFC 764 has it', async (_, text, wire) => {
    const { at } = await serve(engine, { file: Buffer.from(text) });
    const client = await Probe.to(at);
    client.send(rrq('file', 'netascii'));
    const { bytes } = await client.next();
    expect(bytes.toString('latin1', 4)).toBe(wire);
  });

  test('§1: a netascii pair may fall on two blocks', async () => {
    const file = Buffer.from(`${'a'.repeat(511)}\n${'b'.repeat(510)}\r${'c'.repeat(600)}\n`);
    const { at } = await serve(engine, { file });
    const client = await Probe.to(at);
    client.send(rrq('file', 'netascii'));
    const first = (await client.next()).bytes;
    client.send(ack(1));
    const second = (await client.next()).bytes;
    expect([first.at(-1), second[4], second.at(-1)]).toEqual([0x0d, 0x0a, 0x0d]);
    client.send(error(0, 'enough'));
    const { address: host, port } = at;
    expect(
      await fetchTftp({ host, port, name: 'file', mode: 'netascii', blksize: null, windowsize: null }),
    ).toEqual(new Uint8Array(file));
  });

  test('§6: the last DATA comes again until its ACK does; a late ACK gets no answer', async () => {
    const { at, events } = await serve(engine, { file: content(600) });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    await client.next();
    client.send(ack(1));
    expect(await client.nextShown()).toBe('DATA 2 88');
    expect(await client.nextShown()).toBe('DATA 2 88'); // the ACK was lost
    client.send(ack(2), ack(2), ack(2));
    expect(await client.settled()).toEqual([]);
    await expect.poll(() => events.filter(({ type }) => type === 'file-served')).toHaveLength(1);
  });

  test('§2: DATA 1 comes again when no ACK does', async () => {
    const { at } = await serve(engine, { file: content(600) });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    const first = await client.next();
    const second = await client.next();
    expect(second.bytes.equals(first.bytes)).toBe(true);
    expect(second.atMs - first.atMs).toBeGreaterThan(500);
    client.send(ack(1));
    expect(await client.nextShown()).toBe('DATA 2 88');
  });

  test("§7: the peer's ERROR ends the transfer and is not acknowledged", async () => {
    const { at, server, events } = await serve(engine, { file: content(6000) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    client.send(error(3, 'disk full'), ack(1));
    expect(await client.settled()).toEqual([]);
    await expect.poll(() => server.stats().transfers).toBe(0);
    await expect
      .poll(() => events)
      .toContainEqual(
        expect.objectContaining({
          type: 'transfer-ended',
          outcome: 'peer-error',
          reason: 'ERROR 3 disk full',
        }),
      );
  });

  test('block numbers roll over to 0 beyond 32 MB at 512 bytes', { timeout: 120_000 }, async () => {
    const file = content(65_540 * 512 + 77);
    const { at } = await serve(engine, { file });
    const bytes = await fetchTftp({
      host: at.address,
      port: at.port,
      name: 'file',
      blksize: null,
      windowsize: null,
      tsize: false,
      sizeBytesMax: file.length,
    });
    expect(Buffer.compare(bytes, file)).toBe(0);
  });
});

describe.each(engines.filter(({ transferPorts }) => transferPorts))(
  'RFC 1350 on ports of $engine',
  ({ engine }) => {
    test('§4: on transfer ports each transfer has a TID of its own, strangers get ERROR 5 and disturb nothing', async () => {
      const { at } = await serve(engine, { file: content(1000) }, { ports: { low: 0, high: 0 } });
      const client = await Probe.to(at);
      client.send(rrq('file'));
      const first = await client.next();
      expect(first.port).not.toBe(at.port);
      const stranger = await Probe.to(first);
      expect(await stranger.ask(ack(1))).toBe('ERROR 5 Unknown transfer ID');
      stranger.send(error(0, 'not answered'));
      client.send(ack(1)); // to the listening port: nothing of this transfer is there
      client.follow(first);
      client.send(ack(1));
      expect(await client.nextShown()).toBe('DATA 2 488');
      client.send(ack(2));
      expect(stranger.answers).toEqual([]);
    });

    test('§4: a port range is kept, a repeated RRQ stays with its port', async () => {
      const { at } = await serve(engine, { file: content(1000) }, { ports: { low: 42_000, high: 42_999 } });
      const client = await Probe.to(at);
      client.send(rrq('file'));
      const first = await client.next();
      expect(first.port).toBeGreaterThanOrEqual(42_000);
      expect(first.port).toBeLessThanOrEqual(42_999);
      client.send(rrq('file'));
      expect((await client.next()).port).toBe(first.port);
    });
  },
);

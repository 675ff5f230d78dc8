/** What only the batched engine has, or has in its own way: see test/conformance for what all engines must do. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { startTftpServer } from '../../src/net/tftp-server.ts';
import { content, serve, served } from '../conformance/served.ts';
import { ack, Probe, rrq, shown } from '../helpers/raw-tftp.ts';

test.each([
  ['0.0.0.0', '127.0.0.2'],
  ['0.0.0.0', '127.3.2.1'],
  ['::', '::1'],
])('at %s a reply leaves from the address that was asked: %s', async (wildcard, asked) => {
  const { at } = await serve('mmsg', { file: content(1000) }, { listen: [{ address: wildcard, port: 0 }] });
  const probe = await Probe.to({ address: asked, port: at.port });
  probe.send(rrq('file'));
  const first = await probe.next();
  expect([first.address, first.port, shown(first.bytes)]).toEqual([asked, at.port, 'DATA 1 512']);
  probe.send(ack(1));
  const last = await probe.next();
  expect([last.address, last.port, shown(last.bytes)]).toEqual([asked, at.port, 'DATA 2 488']);
});

test('the same peer at two addresses of a wildcard socket has two transfers', async () => {
  const { at, server } = await serve(
    'mmsg',
    { file: content(1000) },
    { listen: [{ address: '0.0.0.0', port: 0 }] },
  );
  const client = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => void client.close());
  await once(client, 'listening');
  const answered: string[] = [];
  client.on('message', (bytes, { address }) => answered.push(`${address} ${shown(bytes)}`));
  client.send(rrq('file'), at.port, '127.0.0.2');
  client.send(rrq('file'), at.port, '127.0.0.3');
  await expect.poll(() => answered.toSorted()).toEqual(['127.0.0.2 DATA 1 512', '127.0.0.3 DATA 1 512']);
  client.send(ack(1), at.port, '127.0.0.3');
  await expect.poll(() => answered.at(-1)).toBe('127.0.0.3 DATA 2 488');
  expect(server.stats().transfers).toBe(2);
});

test('several addresses and families serve side by side', async () => {
  const listen = ['127.0.0.1', '127.0.0.2', '::1'].map((address) => ({ address, port: 0 }));
  const { server } = await serve('mmsg', { file: content(5000) }, { listen });
  expect(server.addresses.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.2', '::1']);
  const fetched = server.addresses.map(({ address: host, port }) => fetchTftp({ host, port, name: 'file' }));
  for (const got of await Promise.all(fetched)) expect(Buffer.compare(got, content(5000))).toBe(0);
});

test.each([
  [8, 64],
  [512, 64],
  [1428, 64],
  [1428, 63],
  [8192, 5],
  [65_464, 3],
])('a window of %i-byte blocks × %i arrives byte for byte over chunk edges', async (blksize, windowsize) => {
  const file = content(blksize === 8 ? 200_003 : 1_500_007);
  const { at } = await serve('mmsg', { file });
  const { address: host, port } = at;
  const fetched = [1, 2, 3].map(() =>
    fetchTftp({ host, port, name: 'file', blksize, windowsize, sizeBytesMax: file.length }),
  );
  for (const got of await Promise.all(fetched)) expect(Buffer.compare(got, file)).toBe(0);
});

test('an answer is repeated without asking as long as it is fresh, and not after an invalidation', async () => {
  let invalidate: (() => void) | undefined;
  let file = content(700);
  const { at, asked } = await serve(
    'mmsg',
    { file: () => ({ ...served(file), freshForMs: 60_000 }) as ReturnType<typeof served> },
    {
      onInvalidate: (listener) => {
        invalidate = listener;
        return () => undefined;
      },
    },
  );
  const { address: host, port } = at;
  for (let i = 0; i < 3; i++) expect((await fetchTftp({ host, port, name: 'file' })).length).toBe(700);
  expect(asked).toEqual(['file']);
  file = content(900);
  invalidate?.();
  expect((await fetchTftp({ host, port, name: 'file' })).length).toBe(900);
  expect(asked).toEqual(['file', 'file']);
});

test('a transfer that began before an invalidation ends as it began', async () => {
  let invalidate: (() => void) | undefined;
  let file = content(1000);
  const { at } = await serve(
    'mmsg',
    { file: () => ({ ...served(file), freshForMs: 60_000 }) as ReturnType<typeof served> },
    { onInvalidate: (listener) => ((invalidate = listener), () => undefined) },
  );
  const probe = await Probe.to(at);
  probe.send(rrq('file'));
  const first = await probe.next();
  file = Buffer.alloc(1000, 'new');
  invalidate?.();
  const other = await fetchTftp({ host: at.address, port: at.port, name: 'file' });
  expect(Buffer.from(other).equals(file)).toBe(true);
  probe.send(ack(1));
  const last = await probe.next();
  const got = Buffer.concat([first.bytes.subarray(4), last.bytes.subarray(4)]);
  expect(Buffer.compare(got, content(1000))).toBe(0);
});

test('it is told to stop: a running transfer ends, a new one is not heard', async () => {
  const { at, server, events } = await serve('mmsg', { file: content(1000) });
  const running = await Probe.to(at);
  expect(await running.ask(rrq('file'))).toBe('DATA 1 512');
  const closed = server.close(10_000);
  const late = await Probe.to(at);
  late.send(rrq('file'));
  expect(await running.ask(ack(1))).toBe('DATA 2 488');
  running.send(ack(2));
  await closed;
  expect(late.answers).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'file-served', name: 'file' }));
});

test('stopped at once, it tells its peers to come back', async () => {
  const { at, server } = await serve('mmsg', { file: content(1000) });
  const running = await Probe.to(at);
  await running.ask(rrq('file'));
  await server.close(0);
  expect(await running.nextShown()).toBe('ERROR 0 busy, try again');
});

test('a port that is taken is a Failure that names it, and leaves no socket behind', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address();
  const listen = [
    { address: '127.0.0.2', port },
    { address: '127.0.0.1', port },
  ];
  await expect(serve('mmsg', {}, { listen })).rejects.toMatchObject({
    code: 'address-in-use',
    message: `TFTP 127.0.0.1:${port} is taken by another program`,
  });
  const first = await serve('mmsg', {}, { listen: listen.slice(0, 1) });
  expect(first.server.addresses).toEqual(listen.slice(0, 1));
});

test('auto takes it where it can run, and says why where it cannot', async () => {
  const events: Event[] = [];
  const options = {
    listen: [{ address: '127.0.0.1', port: 0 }],
    engine: 'auto',
    resolver: { resolve: async () => ({ kind: 'not-found', trace: [] }) as const },
    onEvent: (event: Event) => events.push(event),
  } as const;
  const single = await startTftpServer(options);
  onTestFinished(() => single.close(0));
  expect([single.engine, events.filter(({ type }) => type === 'warning')]).toEqual(['mmsg', []]);
  const ranged = await startTftpServer({ ...options, ports: { low: 43_000, high: 43_099 } });
  onTestFinished(() => ranged.close(0));
  expect(ranged.engine).toBe('dgram');
  expect(events).toContainEqual({
    type: 'warning',
    topic: 'packet-engine',
    message: 'the portable packet engine is used: transfer ports need the dgram engine',
  });
});

test('descriptors are given back', async () => {
  const count = (): number => readdirSync('/proc/self/fd').length;
  await (await serve('mmsg', {})).server.close(0);
  const before = count();
  for (let i = 0; i < 3; i++) await (await serve('mmsg', {})).server.close(0);
  await expect.poll(count).toBe(before);
});

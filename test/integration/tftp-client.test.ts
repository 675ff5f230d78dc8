import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { fetchTftp, type FetchOptions } from '../../src/net/tftp-client.ts';
import { content, serve } from '../conformance/served.ts';
import { ack, error, Probe, shown } from '../helpers/raw-tftp.ts';

type Act = (
  packet: Buffer,
  answer: (...packets: Buffer[]) => void,
  from: { address: string; port: number },
) => void;

const data = (block: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.of(0, 3, block >> 8, block & 255), bytes]);
const oack = (...fields: string[]) =>
  Buffer.concat([Buffer.of(0, 6), Buffer.from(fields.map((f) => `${f}\0`).join(''))]);

/** A server that does as it is told; what it received is shown in `received`. */
async function lyingServer(act: Act): Promise<{ port: number; received: string[] }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => {
    socket.close();
  });
  const received: string[] = [];
  socket.on('message', (packet, from) => {
    received.push(packet[1] === 1 ? 'RRQ' : shown(packet));
    const answer = (...packets: Buffer[]) => {
      for (const one of packets) socket.send(one, from.port, from.address);
    };
    act(packet, answer, from);
  });
  return { port: socket.address().port, received };
}

function fetch(port: number, options: Partial<FetchOptions> = {}): Promise<Uint8Array> {
  return fetchTftp({ host: '127.0.0.1', port, name: 'file', sizeBytesMax: 10_000, ...options });
}

const onRequest =
  (...packets: Buffer[]): Act =>
  (packet, answer) => {
    if (packet[1] === 1) answer(...packets);
  };

test.each([
  ['an option that was not asked', [oack('timeout', '3')], 'ERROR 8 Option negotiation refused'],
  ['a larger block size than asked', [oack('blksize', '9000')], 'ERROR 8 Option negotiation refused'],
  ['a size over the limit', [oack('tsize', '10001')], 'ERROR 3 Disk full or allocation exceeded'],
  ['a block larger than agreed', [data(1, content(513))], 'ERROR 4 Illegal TFTP operation'],
  ['more than announced', [oack('tsize', '5'), data(1, content(6))], 'ERROR 4 Illegal TFTP operation'],
])('%s is refused and told', async (_, packets, told) => {
  const { port, received } = await lyingServer(onRequest(...packets));
  await expect(fetch(port)).rejects.toMatchObject({ code: 'peer-error' });
  await expect.poll(() => received.at(-1)).toBe(told);
});

test('an endless file ends at the limit', async () => {
  const { port } = await lyingServer((packet, answer) => {
    const next = packet[1] === 1 ? 1 : packet.readUInt16BE(2) + 1;
    if (packet[1] === 1 || packet[1] === 4) answer(data(next, content(512)));
  });
  await expect(fetch(port)).rejects.toMatchObject({ code: 'peer-error' });
});

test('less than announced is no file', async () => {
  const { port } = await lyingServer((packet, answer) => {
    answer(packet[1] === 1 ? oack('tsize', '600') : data(1, content(100)));
  });
  await expect(fetch(port)).rejects.toMatchObject({ code: 'peer-error' });
});

test.each([
  [error(1, 'File not found'), 'not-found'],
  [error(0, 'busy'), 'peer-error'],
  [Buffer.concat([Buffer.of(0, 5, 0, 0), Buffer.alloc(60_000, '\x1b[31m')]), 'peer-error'],
])('an ERROR is a Failure with a short, printable text', async (packet, code) => {
  const { port, received } = await lyingServer(onRequest(packet));
  const failure: unknown = await fetch(port).catch((one: unknown) => one);
  expect(failure).toMatchObject({ code });
  const { message } = failure as Error;
  expect(message.length).toBeLessThan(1500);
  expect(message).not.toContain('\x1b');
  expect(received).toEqual(['RRQ']); // an ERROR is not answered
});

test("a stranger's packet is answered with ERROR 5 and changes nothing", async () => {
  let goOn = false;
  let client: { address: string; port: number } | undefined;
  const { port, received } = await lyingServer((packet, answer, from) => {
    client = from;
    if (packet[1] === 1) answer(data(1, content(512)));
    else if (goOn && packet.readUInt16BE(2) === 1) answer(data(2, content(10)));
  });
  const fetching = fetch(port);
  await expect.poll(() => received).toContain('ACK 1'); // from now on the client knows its peer
  const stranger = await Probe.to(client ?? { address: '', port: 0 });
  stranger.send(data(2, Buffer.from('forged')), error(0, 'forged'), ack(1));
  expect(await stranger.nextShown()).toBe('ERROR 5 Unknown transfer ID');
  expect(await stranger.nextShown()).toBe('ERROR 5 Unknown transfer ID');
  goOn = true; // the client's repeated ACK asks for block 2
  expect(Buffer.compare(await fetching, Buffer.concat([content(512), content(10)]))).toBe(0);
  expect(stranger.answers).toEqual([]);
});

test('silence: the request is repeated, the time is kept', async () => {
  const { port, received } = await lyingServer(() => undefined);
  const begun = performance.now();
  await expect(fetch(port, { timeoutMs: 1500 })).rejects.toMatchObject({ code: 'unreachable' });
  expect(performance.now() - begun).toBeLessThan(3000);
  expect(received).toEqual(['RRQ', 'RRQ']);
});

test('an interrupted transfer tells the server', async () => {
  const stop = new AbortController();
  const { port, received } = await lyingServer((packet, answer) => {
    if (packet[1] === 1) answer(data(1, content(512)));
    else stop.abort();
  });
  await expect(fetch(port, { signal: stop.signal })).rejects.toMatchObject({ code: 'interrupted' });
  await expect.poll(() => received).toEqual(['RRQ', 'ACK 1', 'ERROR 0 interrupted']);
});

test('after the file is there the last ACK is repeated for a server that missed it', async () => {
  const { port, received } = await lyingServer((packet, answer) => {
    if (packet[1] === 1) answer(data(1, content(100)));
    else if (received.length === 2) answer(data(1, content(100)));
  });
  expect(Buffer.compare(await fetch(port), content(100))).toBe(0);
  await expect.poll(() => received).toEqual(['RRQ', 'ACK 1', 'ACK 1']);
});

test('IPv6, a host by name, another port than asked (RFC 1350 §4)', async () => {
  const listen = [
    { address: '::1', port: 0 },
    { address: '127.0.0.1', port: 0 },
  ];
  const { server } = await serve('dgram', { file: content(5000) }, { listen, ports: { low: 0, high: 0 } });
  const [v6, v4] = server.addresses;
  for (const [host, port] of [
    ['::1', v6?.port],
    ['0:0:0:0:0:0:0:1', v6?.port],
    ['127.0.0.1', v4?.port],
  ] as const)
    expect(Buffer.compare(await fetchTftp({ host, port: port ?? 0, name: 'file' }), content(5000))).toBe(0);
  const lost = fetchTftp({ host: 'no-such-host.invalid', port: 69, name: 'file' });
  await expect(lost).rejects.toMatchObject({ code: 'unreachable' });
});

test('an address that is not ours to send from', async () => {
  await expect(fetch(9, { bindAddress: '192.0.2.1' })).rejects.toMatchObject({ code: 'address-unavailable' });
});

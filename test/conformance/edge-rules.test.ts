/**
 * The rules of security.md §1 that edge.test.ts and the RFCs' own files do not show: names on a real directory, loops by
 * packet count, traffic limits on an address that is not loopback, silence of 30 s, one log line whatever the name.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseNetworks } from '../../src/core/tftp/network.ts';
import type { LocalLink } from '../../src/files/local.ts';
import { openLocal } from '../../src/files/local.ts';
import { createChain } from '../../src/files/chain.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { startTftpServer } from '../../src/net/tftp-server.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { ack, Probe, rrq, shown } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve, served } from './served.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-rules-'));
const root = join(folder, 'root');
let local: LocalLink;

beforeAll(async () => {
  mkdirSync(join(root, 'Desktops'), { recursive: true });
  writeFileSync(join(folder, 'secret.xml'), 'secret');
  writeFileSync(join(root, 'Ringlist.xml'), 'rings');
  symlinkSync('Ringlist.xml', join(root, 'inside.xml'));
  symlinkSync(join(folder, 'secret.xml'), join(root, 'outside.xml'));
  symlinkSync('/dev/zero', join(root, 'zero.xml'));
  execFileSync('mkfifo', [join(root, 'fifo.xml')]);
  local = await openLocal({
    root,
    alternates: [],
    caseInsensitive: true,
    rewrite: (name) => name,
    onEvent: () => undefined,
    onChange: () => undefined,
  });
});

afterAll(() => {
  local.close();
  rmSync(folder, { recursive: true });
});

/** Of this machine, not loopback: a network card's, to which limits on traffic apply. */
function ownAddress(): string {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (found === undefined) throw new Error('this test needs a network interface with an IPv4 address');
  return found;
}

async function socketAt(address: string): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return socket;
}

describe.each(engines)('security.md §1, rule by rule, on $engine', ({ engine }) => {
  test('only regular files below the root have names; all else is ERROR 1 like an unknown one', async () => {
    const chain = createChain({ links: { local }, onEvent: () => undefined });
    const server = await startTftpServer({
      listen: [{ address: '127.0.0.1', port: 0 }],
      engine,
      resolver: chain,
      onEvent: () => undefined,
    });
    onTestFinished(() => server.close(0));
    const client = await Probe.to(server.addresses[0] ?? { address: '', port: 0 });
    const forbidden = [
      '../secret.xml',
      'Desktops/../../secret.xml',
      '/etc/passwd',
      `${root}/Ringlist.xml`,
      '..\\secret.xml',
      'C:\\boot.ini',
      '%2e%2e/secret.xml',
      'Ringlist.xml%00',
      'Ringlist\u0001.xml',
      'Ringlist.xml\n',
      'Ringlist.xml ',
      'inside.xml',
      'outside.xml',
      'zero.xml',
      'fifo.xml',
      'Desktops',
      'Desktops/',
      '.',
      '..',
      './Ringlist.xml',
      'Desktops//../Ringlist.xml',
      'unknown.xml',
    ];
    for (const name of forbidden)
      expect([name, await client.ask(rrq(name))]).toEqual([name, 'ERROR 1 File not found']);
    expect(await client.ask(rrq('RINGLIST.xml'))).toBe('DATA 1 5');
  });

  test('DATA and OACK of an owner are dropped and its transfer goes on', async () => {
    const { at } = await serve(engine, { file: content(1500) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    client.send(Buffer.from('00030001616263', 'hex'), Buffer.from('0006626c6b73697a6500313400', 'hex'));
    expect(await client.settled()).toEqual([]);
    expect(await client.ask(ack(1))).toBe('DATA 2 512');
  });

  test('a window is 64 blocks at most, whatever was asked, and DATA counts show it', async () => {
    const { at } = await serve(engine, { file: content(200_000) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file', 'octet', 'windowsize', '65535'))).toBe('OACK windowsize=64');
    client.send(ack(0));
    const first = await client.next();
    const rest = await client.settled();
    const blocks = [shown(first.bytes), ...rest].map((text) => Number(text.split(' ')[1]));
    expect(Math.max(...blocks)).toBe(64);
  });

  test('a loop with a server that answers everything with an ERROR ends after one packet', async () => {
    const { at, server } = await serve(engine, { file: content(1500) });
    const reflector = await socketAt('127.0.0.1');
    let received = 0;
    reflector.on('message', (_, from) => {
      received++;
      reflector.send(Buffer.from('0005000461000000', 'hex').subarray(0, 6), from.port, from.address);
    });
    const answered = [rrq('none'), rrq(''), rrq('file', 'mail'), Buffer.from('000261006f0000', 'hex')];
    for (const [i, packet] of answered.entries()) {
      reflector.send(packet, at.port, at.address);
      await expect.poll(() => received).toBe(i + 1);
    }
    await expect.poll(() => server.stats().packetsReceived).toBe(8);
    await sleep(100);
    expect({ received, sent: server.stats().packetsSent }).toEqual({ received: 4, sent: 4 });
  });

  test('two of ours, each taking the other for its client, fall silent', async () => {
    const [a, b] = [
      await serve(engine, { file: content(5000) }),
      await serve(engine, { file: content(5000) }),
    ];
    // Between them a relay in whose place a forger would put source addresses.
    const [toA, toB] = [await socketAt('127.0.0.1'), await socketAt('127.0.0.1')];
    let relayed = 0;
    const relay = (from: Socket, to: Socket, server: typeof a.at): void => {
      from.on('message', (packet) => {
        relayed++;
        to.send(packet, server.port, server.address);
      });
    };
    relay(toA, toB, b.at);
    relay(toB, toA, a.at);
    toA.send(rrq('none'), a.at.port, a.at.address);
    await expect.poll(() => relayed).toBe(1);
    toB.send(Buffer.from('0001666f6f', 'hex'), b.at.port, b.at.address);
    await expect.poll(() => relayed).toBe(2);
    toA.send(rrq('file'), a.at.port, a.at.address);
    await expect.poll(() => relayed).toBeGreaterThanOrEqual(3);
    await sleep(1500); // DATA 1 once more after a second, and nobody acknowledges it
    expect(relayed).toBeLessThanOrEqual(4);
  });

  test('what a network was sent and never acknowledged is bounded', async () => {
    const address = ownAddress();
    const { at, server } = await serve(
      engine,
      { file: content(5000) },
      {
        listen: [{ address, port: 0 }],
        allow: parseNetworks([`${address}/32`]),
        limits: { unacknowledgedBytesPerSubnetMax: 20_000 },
      },
    );
    const forged = await Promise.all(Array.from({ length: 100 }, () => socketAt(address)));
    for (const socket of forged) socket.send(rrq('file'), at.port, at.address);
    await expect.poll(() => server.stats().requests).toBe(100);
    await sleep(1500); // the second DATA of each would be due
    // 516 bytes each; ERROR 0 is 23 bytes, for those who are told to come back.
    expect(server.stats().bytesSent).toBeLessThan(20_000 + 2 * 516 + 100 * 30);
    expect(server.stats().busy).toBeGreaterThan(50);
  });

  test('an address gets its bytes per second and no more, and what it gets is whole', async () => {
    const address = ownAddress();
    const file = content(600_000);
    const { at, server } = await serve(
      engine,
      { file },
      {
        listen: [{ address, port: 0 }],
        allow: parseNetworks([`${address}/32`]),
        limits: { bytesPerSecondPerAddressMax: 300_000 },
      },
    );
    const begun = performance.now();
    const options = { name: 'file', blksize: 1428, windowsize: 4, bindAddress: address };
    const got = await fetchTftp({ host: at.address, port: at.port, ...options });
    // A tenth of a second's worth may leave at once, and one window over it.
    expect(performance.now() - begun).toBeGreaterThan(1_500);
    expect(Buffer.compare(got, file)).toBe(0);
    expect(server.stats().paced).toBeGreaterThan(0);
  });

  test('a transfer that began on one answer ends on it though the next request gets another', async () => {
    let generation = 1;
    let invalidate: (() => void) | undefined;
    const { at } = await serve(
      engine,
      {
        file: () =>
          ({ ...served(Buffer.alloc(3000, `${generation}`)), freshForMs: 60_000 }) as ReturnType<
            typeof served
          >,
      },
      { onInvalidate: (listener) => ((invalidate = listener), () => undefined) },
    );
    const first = await Probe.to(at);
    first.send(rrq('file'));
    const got = [(await first.next()).bytes.subarray(4)];
    generation = 2;
    invalidate?.();
    const second = await fetchTftp({ host: at.address, port: at.port, name: 'file' });
    expect(Buffer.from(second).equals(Buffer.alloc(3000, '2'))).toBe(true);
    for (let block = 1; block <= 5; block++) {
      first.send(ack(block));
      got.push((await first.next()).bytes.subarray(4));
    }
    expect(Buffer.concat(got).equals(Buffer.alloc(3000, '1'))).toBe(true);
  });

  test.each(['%n%s%x', 'a\r\nb', '\u001b[31mred', 'x","level":"error', 'ä\u2028b', '{"type":"file-served"}'])(
    'the name %j is one line of the log, for people and for programs',
    async (name) => {
      const { at, events } = await serve(engine, {});
      const client = await Probe.to(at);
      expect(await client.ask(rrq(name))).toBe('ERROR 1 File not found');
      await expect.poll(() => events.filter(({ type }) => type === 'file-not-served')).toHaveLength(1);
      for (const format of ['human', 'json'] as const) {
        let written = '';
        const log = createLog({ level: 'debug', format, write: (line) => void (written += line) });
        for (const event of events.filter(({ type }) => type === 'file-not-served')) log(event);
        expect(written.split('\n')).toHaveLength(2);
        expect(/[\p{Cc}\u2028\u2029]/u.test(written.slice(0, -1))).toBe(false);
        if (format === 'json') expect(JSON.parse(written)).toMatchObject({ type: 'file-not-served' });
      }
    },
  );
});

describe('silence', () => {
  test.concurrent.each(engines)(
    'on $engine ends a transfer after about 30 s, half-open or not',
    { timeout: 90_000 },
    async ({ engine }) => {
      const server = await startTftpServer({
        listen: [{ address: '127.0.0.1', port: 0 }],
        engine,
        resolver: { resolve: () => Promise.resolve(served(content(5000))) },
        onEvent: () => undefined,
      });
      const at = server.addresses[0] ?? { address: '', port: 0 };
      const [open, stalled] = [createSocket('udp4'), createSocket('udp4')];
      let answers = 0;
      stalled.on('message', (packet) => {
        answers++;
        if (answers === 1) stalled.send(ack(packet.readUInt16BE(2)), at.port, at.address);
      });
      const begun = performance.now();
      for (const socket of [open, stalled]) socket.send(rrq('file'), at.port, at.address);
      const count = () => server.stats().transfers;
      while (count() < 2 && performance.now() - begun < 10_000) await sleep(5);
      while (count() > 0 && performance.now() - begun < 60_000) await sleep(100);
      const seconds = (performance.now() - begun) / 1000;
      for (const socket of [open, stalled]) socket.close();
      await server.close(0);
      expect(seconds).toBeGreaterThan(29);
      expect(seconds).toBeLessThan(45);
    },
  );
});

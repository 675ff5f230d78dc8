import { describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseNetwork } from '../../src/core/tftp/network.ts';
import { ack, error, Probe, rrq, shown, wrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve, served } from './served.ts';

const malformed: readonly [what: string, hex: string][] = [
  ['nothing', ''],
  ['one byte', '00'],
  ['an opcode alone', '0001'],
  ['three bytes', '000300'],
  ['opcode 0', '00000000'],
  ['opcode 7', '00076100'],
  ['opcode 256 + 1', '01016100'],
  ['opcode 65535', 'ffff0000'],
  ['an ACK with a byte more', '0004000100'],
  ['DATA of nobody', '0003000161'],
  ['an OACK of nobody', '0006626c6b73697a65003800'],
  ['an ERROR of nobody', '000500016e6f00'],
  ['an ERROR without text', '00050000'],
  ['an ACK of nobody', '00040001'],
];

/** Broken, but somebody wants to read: one ERROR and no more. */
const brokenRequests: readonly [what: string, bytes: Buffer][] = [
  ['no NUL at all', Buffer.from('0001666f6f', 'hex')],
  ['no mode', Buffer.from('0001666f6f00', 'hex')],
  ['a mode without its NUL', Buffer.from('0001666f6f006f63746574', 'hex')],
  ['an empty name', rrq('')],
  ['an option without a value', rrq('file', 'octet', 'blksize')],
  ['an option value without its NUL', rrq('file', 'octet', 'blksize', '8').subarray(0, -1)],
  ['a byte behind the last NUL', Buffer.concat([rrq('file'), Buffer.of(0x41)])],
  ['an empty option name', rrq('file', 'octet', '', '8')],
  ['a name that is not UTF-8', Buffer.from('0001c0af006f6374657400', 'hex')],
];

describe.each(engines)('security.md §1 on $engine', ({ engine }) => {
  test.each(malformed)('%s gets no answer and leaves the server serving', async (_, hex) => {
    const { at } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    client.send(Buffer.from(hex, 'hex'));
    expect(await client.settled()).toEqual([]);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 10');
  });

  test.each(brokenRequests)('an RRQ with %s gets one ERROR 4', async (_, bytes) => {
    const { at, asked } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    client.send(bytes);
    expect(await client.settled()).toEqual(['ERROR 4 Illegal TFTP operation']);
    expect(asked).toEqual([]);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 10');
  });

  test('a request over 512 bytes gets no answer', async () => {
    const { at } = await serve(engine, { file: content(10) });
    const client = await Probe.to(at);
    client.send(rrq('a'.repeat(600)), rrq('file', 'octet', 'x', 'y'.repeat(60_000)));
    expect(await client.settled()).toEqual([]);
  });

  test('a name over 128 bytes is answered like an unknown one, without a look', async () => {
    const { at, asked } = await serve(engine, {});
    const client = await Probe.to(at);
    expect(await client.ask(rrq('a'.repeat(129)))).toBe('ERROR 1 File not found');
    expect(asked).toEqual([]);
  });

  test('unknown and refused are the same bytes; reasons stay inside', async () => {
    const { at } = await serve(engine, {
      secret: () => ({ kind: 'refused', reason: '/etc/shadow is forbidden', trace: [] }),
    });
    const client = await Probe.to(at);
    const answers: Buffer[] = [];
    for (const name of ['secret', 'nothing', '../../etc/passwd', '..\\boot.ini', '%2e%2e/x', 'a\nb']) {
      client.send(rrq(name));
      answers.push((await client.next()).bytes);
    }
    for (const answer of answers) expect(answer.equals(answers[0] ?? Buffer.alloc(0))).toBe(true);
    expect(shown(answers[0] ?? Buffer.alloc(4))).toBe('ERROR 1 File not found');
  });

  test('a failing resolver is a fixed text, nothing of its message', async () => {
    const { at } = await serve(engine, {
      file: () => Promise.reject(new Error('SQLITE_BUSY: /var/lib/secret.db')),
    });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('ERROR 0 temporary failure, try again');
  });

  test('an ERROR is never answered, by nobody, twice or in the middle of a transfer', async () => {
    const { at } = await serve(engine, { file: content(3000) });
    const client = await Probe.to(at);
    client.send(error(4, 'illegal'), error(5, 'tid'), error(200, 'x'));
    expect(await client.settled()).toEqual([]);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    client.send(error(0, ''), error(0, ''), ack(1));
    expect(await client.settled()).toEqual([]);
  });

  test("another port's packets do not touch a transfer", async () => {
    const { at } = await serve(engine, { file: content(3000) });
    const client = await Probe.to(at);
    const stranger = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    stranger.send(ack(1), error(0, 'stop'), Buffer.from('00030001', 'hex'));
    expect(await stranger.settled()).toEqual([]);
    expect(await client.ask(ack(1))).toBe('DATA 2 512');
  });

  test('a repeated RRQ sends the first packet again and opens nothing', async () => {
    const { at, asked, server } = await serve(engine, { file: content(3000) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    await expect.poll(() => server.stats().transfers).toBe(1);
    expect(asked).toEqual(['file']);
    client.send(ack(1), ack(1));
    expect(await client.nextShown()).toBe('DATA 2 512');
    // The client started over in the middle: first packet, and on from there.
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    expect(await client.ask(ack(1))).toBe('DATA 2 512');
    // A stray repeat of the request: a client that is further goes on where it is.
    expect(await client.ask(ack(2))).toBe('DATA 3 512');
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    expect(await client.ask(ack(3))).toBe('DATA 4 512');
    expect(asked).toEqual(['file']);
  });

  test('while a file is looked for, the same request joins the search', async () => {
    let found: (() => void) | undefined;
    const searching = new Promise<void>((resolve) => (found = resolve));
    const { at, asked } = await serve(engine, {
      file: async () => {
        await searching;
        return served(content(20));
      },
    });
    const client = await Probe.to(at);
    client.send(rrq('file'), rrq('file'), rrq('file'));
    expect(await client.settled()).toEqual([]);
    found?.();
    expect(await client.nextShown()).toBe('DATA 1 20');
    expect(await client.settled()).toEqual([]);
    expect(asked).toEqual(['file']);
  });

  test('an answer for its asker alone is given to nobody who waits beside it', async () => {
    let found: (() => void) | undefined;
    const searching = new Promise<void>((resolve) => (found = resolve));
    const { at, asked } = await serve(engine, {
      ITLFile: async ({ port }) => {
        await searching;
        return { ...served(Buffer.from(String(port))), requesterOnly: true };
      },
    });
    const phones = await Promise.all(Array.from({ length: 5 }, () => Probe.to(at)));
    for (const phone of phones) phone.send(rrq('ITLFile'));
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    found?.();
    for (const phone of phones) {
      const { bytes } = await phone.next();
      expect(bytes.toString('latin1', 4)).toBe(String(phone.socket.address().port));
    }
    expect(asked.length).toBe(5);
  });

  test('a hop mark goes with the request, and its answer to nobody else', async () => {
    const { at } = await serve(engine, {
      file: ({ hop }) => served(Buffer.from(hop ?? 'unmarked')),
    });
    const mark = '00112233445566ff';
    const [proxy, phone, liar] = [await Probe.to(at), await Probe.to(at), await Probe.to(at)];
    proxy.send(rrq('file', 'octet', 'TFTP-PKI-Hop', mark));
    phone.send(rrq('file'));
    liar.send(rrq('file', 'octet', 'tftp-pki-hop', 'x'.repeat(100)));
    const heard = async (probe: Probe): Promise<string> => (await probe.next()).bytes.toString('latin1', 4);
    expect([await heard(proxy), await heard(phone), await heard(liar)]).toEqual([
      mark,
      'unmarked',
      'unmarked',
    ]);
  });

  test('"retry" is silence and gives the place back', async () => {
    let ready = false;
    const { at, server } = await serve(engine, {
      file: () => (ready ? served(content(20)) : { kind: 'retry', reason: 'searching', trace: [] }),
    });
    const client = await Probe.to(at);
    client.send(rrq('file'));
    expect(await client.settled()).toEqual([]);
    await expect.poll(() => server.stats().transfers).toBe(0);
    ready = true;
    expect(await client.ask(rrq('file'))).toBe('DATA 1 20');
  });

  test('a client that reuses its port for another file restarts cleanly', async () => {
    const { at, server } = await serve(engine, { one: content(3000), two: Buffer.from('second') });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('one'))).toBe('DATA 1 512');
    expect(await client.ask(ack(1))).toBe('DATA 2 512');
    expect(await client.ask(rrq('two'))).toBe('DATA 1 6');
    client.send(ack(1));
    expect(await client.settled()).toEqual([]);
    await expect.poll(() => server.stats()).toMatchObject({ transfers: 0, served: 1 });
  });

  test('a lost last ACK does not stop the next request for the same file from the same port', async () => {
    const { at, asked } = await serve(engine, { file: content(600) });
    const client = await Probe.to(at);
    for (let i = 0; i < 3; i++) {
      expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
      expect(await client.ask(ack(1))).toBe('DATA 2 88');
    }
    expect(asked).toEqual(['file', 'file', 'file']);
  });

  test('amplification: before the first ACK 2 DATA or 3 OACK and no more', async () => {
    const { at } = await serve(engine, { file: content(30_000) });
    const plain = await Probe.to(at);
    const options = await Probe.to(at);
    plain.send(rrq('file'));
    options.send(rrq('file', 'octet', 'blksize', '1428', 'windowsize', '64', 'timeout', '1'));
    await sleep(4500); // plain: at 0 and 1 s, the third would be due at 3 s; agreed timeout: at 0, 1, 2 s
    expect(await plain.settled()).toEqual(['DATA 1 512', 'DATA 1 512']);
    expect(await options.settled()).toHaveLength(3);
  });

  test('a forged request and a train of guessed ACKs release no window of 64 for each', async () => {
    const { at, server } = await serve(engine, { file: content(400_000) });
    const forger = await Probe.to(at);
    await forger.ask(rrq('file', 'octet', 'windowsize', '65535', 'blksize', '512'));
    forger.send(ack(0));
    await expect.poll(() => server.stats().packetsSent).toBeGreaterThanOrEqual(65);
    for (let block = 1; block <= 200; block++) forger.send(ack(block));
    await forger.settled();
    expect(server.stats().packetsSent).toBeLessThan(64 * 40); // 200 windows would be 12,800
  });

  test('a limit refuses with ERROR 0 where all places are taken by living transfers', async () => {
    const { at } = await serve(engine, { file: content(3000) }, { limits: { transfersMax: 3 } });
    const clients = await Promise.all([1, 2, 3].map(() => Probe.to(at)));
    for (const client of clients) {
      expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
      expect(await client.ask(ack(1))).toBe('DATA 2 512');
    }
    const late = await Probe.to(at);
    expect(await late.ask(rrq('file'))).toBe('ERROR 0 busy, try again');
    for (let block = 2; block <= 6; block++) clients[0]?.send(ack(block));
    await clients[0]?.settled();
    expect(await late.ask(rrq('file'))).toBe('DATA 1 512');
  });

  test('half-open transfers give way: a flood of requests does not starve who acknowledges', async () => {
    const { at, server } = await serve(
      engine,
      { file: content(600) },
      { limits: { transfersPerAddressMax: 20 } },
    );
    const flood = await Promise.all(Array.from({ length: 60 }, () => Probe.to(at)));
    for (const one of flood) one.send(rrq('file'));
    const good = await Probe.to(at);
    expect(await good.ask(rrq('file'))).toBe('DATA 1 512');
    expect(await good.ask(ack(1))).toBe('DATA 2 88');
    await expect.poll(() => server.stats().evicted).toBeGreaterThanOrEqual(41);
    await expect.poll(() => server.stats().transfers).toBeLessThanOrEqual(20);
  });

  test('a network that is not allowed gets silence, whatever it sends', async () => {
    const elsewhere = parseNetwork('10.0.0.0/8');
    const { at, server, asked } = await serve(
      engine,
      { file: content(10) },
      { allow: elsewhere ? [elsewhere] : [] },
    );
    const client = await Probe.to(at);
    client.send(rrq('file'), wrq('file'), rrq(''), ack(0), Buffer.of(0));
    await expect.poll(() => server.stats().packetsReceived).toBe(5);
    await sleep(50);
    expect(client.answers).toEqual([]);
    expect(asked).toEqual([]);
  });

  test('an address that guesses names is told late, and there is an event; a boot is not guessing', async () => {
    const { at, events } = await serve(engine, {}, { limits: { unknownNamesPerMinuteMax: 20 } });
    const client = await Probe.to(at);
    for (let i = 0; i < 100; i++) {
      const mac = i.toString(16).padStart(12, '0').toUpperCase();
      expect(await client.ask(rrq(`CTLSEP${mac}.tlv`))).toBe('ERROR 1 File not found');
    }
    let answeredAtOnce = 0;
    for (; answeredAtOnce < 40; answeredAtOnce++) {
      client.send(rrq(`SEP00112233${String(answeredAtOnce).padStart(4, '0')}.cnf.xml`));
      const begun = performance.now();
      const { bytes, atMs } = await client.next();
      expect(shown(bytes)).toBe('ERROR 1 File not found');
      if (atMs - begun > 1500) break;
    }
    expect(answeredAtOnce).toBeGreaterThanOrEqual(19);
    expect(answeredAtOnce).toBeLessThanOrEqual(22);
    await expect.poll(() => events.filter(({ type }) => type === 'names-guessed')).toHaveLength(1);
  });

  test('several addresses, IPv4 and IPv6: replies leave from the address that was asked', async () => {
    const listen = ['127.0.0.1', '127.0.0.2', '::1'].map((address) => ({ address, port: 0 }));
    const { server } = await serve(engine, { file: content(10) }, { listen });
    expect(server.addresses).toHaveLength(3);
    for (const at of server.addresses) {
      const client = await Probe.to(at);
      client.send(rrq('file'));
      const answer = await client.next();
      expect([answer.address, answer.port, shown(answer.bytes)]).toEqual([at.address, at.port, 'DATA 1 10']);
    }
  });

  test('one client at two of our addresses has two transfers', async () => {
    const listen = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, port: 0 }));
    const { server } = await serve(engine, { one: content(600), two: content(700) }, { listen });
    const [first = { address: '', port: 0 }, second = { address: '', port: 0 }] = server.addresses;
    const client = await Probe.to(first, '127.0.0.1');
    expect(await client.ask(rrq('one'))).toBe('DATA 1 512');
    client.socket.send(rrq('two'), second.port, second.address);
    expect(await client.nextShown()).toBe('DATA 1 512');
    expect(await client.ask(ack(1))).toBe('DATA 2 88');
    client.socket.send(ack(1), second.port, second.address);
    expect(await client.nextShown()).toBe('DATA 2 188');
  });

  test('closing lets a running transfer end and takes no new request', async () => {
    const { at, server, asked } = await serve(engine, { file: content(600) });
    const client = await Probe.to(at);
    const late = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    const closed = server.close(10_000);
    late.send(rrq('file'));
    expect(await client.ask(ack(1))).toBe('DATA 2 88');
    client.send(ack(2));
    await closed;
    expect(late.answers).toEqual([]);
    expect(asked).toEqual(['file']);
  });

  test('what still runs when the grace is over is told to come back', async () => {
    const { at, server } = await serve(engine, { file: content(600) });
    const client = await Probe.to(at);
    expect(await client.ask(rrq('file'))).toBe('DATA 1 512');
    await server.close(0);
    expect(await client.nextShown()).toBe('ERROR 0 busy, try again');
  });

  test('a taken port, an address of another machine: a Failure with its code, nothing left open', async () => {
    const { at } = await serve(engine, {});
    const free = { address: '127.0.0.3', port: 0 };
    await expect(serve(engine, {}, { listen: [free, at] })).rejects.toMatchObject({ code: 'address-in-use' });
    const foreign = { address: '192.0.2.1', port: 0 };
    await expect(serve(engine, {}, { listen: [foreign] })).rejects.toMatchObject({
      code: 'address-unavailable',
    });
  });
});

import { describe, expect, test } from 'vitest';
import { remoteFirstAnswerMs } from '../../src/base/limits.ts';
import type { FileSink, RemoteWord } from '../../src/core/ports.ts';
import { askServer, KnownServer } from '../../src/net/remote/ask-server.ts';
import { foreignRemote, httpNotFound, httpOk, tftpData, tftpFiles } from '../helpers/foreign-remote.ts';

const file = Buffer.from('<device/>'.repeat(300));

class Kept implements FileSink {
  bytes = Buffer.alloc(0);
  announced: number | undefined;

  announce(sizeBytes: number): undefined {
    this.announced = sizeBytes;
  }

  async write(part: Uint8Array, offset: number): Promise<void> {
    const grown = Buffer.alloc(Math.max(this.bytes.length, offset + part.length));
    this.bytes.copy(grown);
    grown.set(part, offset);
    this.bytes = grown;
  }
}

async function ask(known: KnownServer, sink: FileSink = new Kept(), name = 'x.cnf.xml'): Promise<RemoteWord> {
  return askServer(known, {
    name,
    sink,
    sizeBytesMax: 100_000,
    timeoutMs: 5_000,
    nodeId: '00112233445566ff',
    from: { v4: undefined, v6: undefined },
    signal: new AbortController().signal,
  });
}

describe('one server of a remote cluster', () => {
  test.each(['127.0.7.1', '::1'])('HTTP first, on %s', async (address) => {
    const remote = await foreignRemote(address, { http: () => httpOk(file), tftp: tftpFiles(() => file) });
    const sink = new Kept();
    expect(await ask(new KnownServer(remote.server), sink)).toEqual({
      kind: 'whole',
      sizeBytes: file.length,
    });
    expect(sink.bytes).toEqual(file);
    expect(sink.announced).toBe(file.length);
    expect(remote.asked).toEqual(['http x.cnf.xml']);
    expect(remote.raw[0]).toContain('x-tftp-pki-hop: 00112233445566ff');
  });

  test.each(['127.0.7.1', '::1'])(
    'TFTP where HTTP is refused, on %s, without our option',
    async (address) => {
      const remote = await foreignRemote(address, { tftp: tftpFiles(() => file) });
      const sink = new Kept();
      expect(await ask(new KnownServer(remote.server), sink)).toEqual({
        kind: 'whole',
        sizeBytes: file.length,
      });
      expect(sink.bytes).toEqual(file);
      expect(remote.asked).toEqual(['tftp x.cnf.xml']);
      expect(remote.raw[0]).not.toContain('hop');
    },
  );

  test.each([
    ['takes the connection and says nothing', () => undefined],
    ['breaks off', () => 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort'],
    ['fails', () => 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'],
    ['is no HTTP', () => 'SSH-2.0-x\r\n'],
  ])('TFTP where HTTP %s', async (_, http) => {
    const remote = await foreignRemote('127.0.7.1', { http, tftp: tftpFiles(() => file) });
    const sink = new Kept();
    expect(await ask(new KnownServer(remote.server), sink)).toEqual({
      kind: 'whole',
      sizeBytes: file.length,
    });
    expect(sink.bytes.subarray(0, file.length)).toEqual(file);
  });

  test('a 404 is a word, and TFTP is not asked', async () => {
    const remote = await foreignRemote('127.0.7.1', {
      http: () => httpNotFound,
      tftp: tftpFiles(() => file),
    });
    expect(await ask(new KnownServer(remote.server))).toEqual({ kind: 'not-found' });
    expect(remote.asked).toEqual(['http x.cnf.xml']);
  });

  test('an ERROR 1 is a word', async () => {
    const remote = await foreignRemote('127.0.7.1', { tftp: tftpFiles(() => undefined) });
    expect(await ask(new KnownServer(remote.server))).toEqual({ kind: 'not-found' });
  });

  test('who answers a marked request with a mark is one of us, and gets the option by TFTP', async () => {
    const remote = await foreignRemote('127.0.7.1', {
      http: (name) => (name === 'a' ? httpOk(file, 'X-Tftp-Pki-Hop: ffeeddccbbaa9988\r\n') : 'no\r\n\r\n'),
      tftp: tftpFiles(() => file),
    });
    const known = new KnownServer(remote.server);
    await ask(known, new Kept(), 'a');
    await ask(known, new Kept(), 'b');
    expect(remote.asked).toEqual(['http a', 'http b', 'tftp b']);
    expect(remote.raw[2]).toContain('tftp-pki-hop\x0000112233445566ff\0');
  });

  test('two questions to a server without a word, then it is left alone', async () => {
    const remote = await foreignRemote('127.0.7.1', {});
    const known = new KnownServer(remote.server);
    for (let i = 0; i < 2; i++) {
      const begun = performance.now();
      expect(await ask(known)).toMatchObject({ kind: 'silent' });
      expect(performance.now() - begun).toBeLessThan(remoteFirstAnswerMs + 2_000);
    }
    const asked = remote.asked.length;
    expect(await ask(known)).toEqual({ kind: 'silent', reason: 'left alone after it did not answer' });
    expect(remote.asked.length).toBe(asked);
    expect(known.mayAsk(performance.now())).toBe(false);
  });

  test.each([
    ['HTTP', { http: () => httpOk(Buffer.alloc(100_001)) }],
    ['HTTP without a length', { http: () => `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_001)}` }],
    [
      'TFTP',
      {
        tftp: (packet: Buffer, answer: (...packets: Buffer[]) => void) =>
          answer(tftpData(packet[1] === 1 ? 1 : packet.readUInt16BE(2) + 1, Buffer.alloc(512))),
      },
    ],
  ])('more than may be taken is no file: %s', async (_, transports) => {
    const remote = await foreignRemote('127.0.7.1', transports);
    expect(await ask(new KnownServer(remote.server))).toMatchObject({ kind: 'wrong' });
  });

  test.each(['http', 'tftp'])('a sink that has no room ends the transfer, %s', async (transport) => {
    const remote = await foreignRemote('127.0.7.1', {
      ...(transport === 'http' && { http: () => httpOk(file) }),
      tftp: tftpFiles(() => file),
    });
    const full: FileSink = {
      announce: () => undefined,
      write: () => Promise.reject(new Error('the quarantine is full')),
    };
    expect(await ask(new KnownServer(remote.server), full)).toEqual({
      kind: 'no-room',
      reason: 'the quarantine is full',
    });
  });

  test('a slow sink is not overrun', async () => {
    const remote = await foreignRemote('127.0.7.1', { tftp: tftpFiles(() => file) });
    let writing = 0;
    let most = 0;
    const slow: FileSink = {
      announce: () => undefined,
      async write() {
        most = Math.max(most, ++writing);
        await new Promise((resolve) => setTimeout(resolve, 5));
        writing--;
      },
    };
    expect(await ask(new KnownServer(remote.server), slow)).toMatchObject({ kind: 'whole' });
    expect(most).toBe(1);
  });
});

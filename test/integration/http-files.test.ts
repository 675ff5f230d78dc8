import { mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import { httpHeaderBytesMax, memoryFileBytesMax } from '../../src/base/limits.ts';
import type { Resolver } from '../../src/core/ports.ts';
import { createByteCache } from '../../src/files/byte-cache.ts';
import { createChain } from '../../src/files/chain.ts';
import { openLocal } from '../../src/files/local.ts';
import type { LocalLink } from '../../src/files/local.ts';
import { fileOpener } from '../../src/files/open-file.ts';
import { startFileHttp } from '../../src/http/file-app.ts';
import type { FileHttp } from '../../src/http/file-app.ts';
import { seeded } from '../helpers/prng.ts';

const root = mkdtempSync(join(tmpdir(), 'tftp-pki-http-'));
const largeBytes = 24 * 1024 * 1024;
const events: Event[] = [];
const sockets: Socket[] = [];
let local: LocalLink;
let http: FileHttp;
let busy = false;

beforeAll(async () => {
  writeFileSync(join(root, 'Ringlist.xml'), 'rings');
  writeFileSync(join(root, 'a b.xml'), 'blank');
  writeFileSync(join(root, 'empty.xml'), '');
  writeFileSync(join(root, 'big.xml'), 'x'.repeat(memoryFileBytesMax));
  const onEvent = (event: Event) => void events.push(event);
  const onChange = () => cache.invalidate();
  const rewrite = (name: string) => name;
  local = await openLocal({ root, alternates: [], caseInsensitive: true, rewrite, onEvent, onChange });
  const chain = createChain({ links: { local }, onEvent });
  const resolver: Resolver = {
    resolve: (request) =>
      busy ? Promise.resolve({ kind: 'retry', reason: 'search', trace: [] }) : chain.resolve(request),
  };
  const cache = createByteCache({ resolver });
  const listen = { address: '127.0.0.1', port: 0 };
  http = await startFileHttp({ listen, resolver: cache, opener: fileOpener, onEvent });
});

beforeEach(() => {
  events.length = 0;
  busy = false;
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

afterAll(async () => {
  await http.close();
  local.close();
  rmSync(root, { recursive: true });
});

/** Waits for what must happen, however loaded the machine is. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 10 });
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function get(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = 'GET', headers = {} } = options;
    const sent = httpRequest(
      { port: http.port, host: '127.0.0.1', path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

/** A socket of one's own; `text` is all that came. */
async function dial(port = http.port): Promise<{ readonly socket: Socket; text: () => string }> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined); // a reset is an end like any other here
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return { socket, text: () => text };
}

const bare = (name: string) => `GET /${name} HTTP/1.1\r\nHost:127.0.0.1:6970\r\n\r\n`;

describe('what is served', () => {
  it('the phone’s bare request (formats.md §6)', async () => {
    const { socket, text } = await dial();
    socket.write(bare('Ringlist.xml'));
    await eventually(() => expect(text()).toMatch(/\r\n\r\nrings$/));
    expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text()).toMatch(/\r\nContent-Length: 5\r\n/);
  });

  it.each([
    ['the short way', {}],
    ['the long way', { connection: 'close' }],
  ])('a file by %s: no cache, exact length, one event', async (_, headers) => {
    const answer = await get('/Ringlist.xml', { headers });
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'cache-control': 'no-store',
        'accept-ranges': 'bytes',
        'content-length': '5',
      },
    });
    expect(answer.headers.date).toMatch(/ GMT$/);
    expect(answer.body.toString()).toBe('rings');
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({
      type: 'file-served',
      transport: 'http',
      address: '127.0.0.1',
      name: 'Ringlist.xml',
      bytes: 5,
      by: 'local',
    });
  });

  it('an empty file, another spelling, an encoded name', async () => {
    expect((await get('/empty.xml')).body).toHaveLength(0);
    expect((await get('/RINGLIST.xml')).body.toString()).toBe('rings');
    expect((await get('/a%20b.xml')).body.toString()).toBe('blank');
  });

  it('HEAD: the headers of GET, no body, and nothing counts as served', async () => {
    const answer = await get('/Ringlist.xml', { method: 'HEAD' });
    expect(answer.headers['content-length']).toBe('5');
    expect(answer.body).toHaveLength(0);
    expect(events).toEqual([]);
  });

  it('a range of it', async () => {
    const part = await get('/Ringlist.xml', { headers: { range: 'bytes=1-2' } });
    expect(part).toMatchObject({
      status: 206,
      headers: { 'content-range': 'bytes 1-2/5', 'content-length': '2' },
    });
    expect(part.body.toString()).toBe('in');
    const past = await get('/Ringlist.xml', { headers: { range: 'bytes=5-' } });
    expect(past).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */5' } });
    // No validator was ever given out, so If-Range cannot match (RFC 9110 §13.1.5).
    const conditional = await get('/Ringlist.xml', { headers: { range: 'bytes=1-2', 'if-range': '"x"' } });
    expect(conditional.status).toBe(200);
  });
});

describe('everything else has a fixed answer', () => {
  it.each([
    '/',
    '/missing.xml',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/x',
    '/%252e%252e/x',
    '//etc/passwd',
    '/Ringlist.xml/',
    '/Ringlist.xml?x=1',
    '/%zz',
    '/a%00b',
    '/a%5cb',
    '/ConfigFileCacheList.txt',
    '/FileList.txt',
    `/${'x'.repeat(3000)}`,
  ])('404 for %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe('File not found\n');
    expect(answer.headers['content-type']).toBe('text/plain');
  });

  it('unknown and forbidden differ in nothing', async () => {
    const [unknown, forbidden] = [await get('/missing.xml'), await get('/%2e%2e/x')];
    const { date: _a, ...one } = unknown.headers;
    const { date: _b, ...other } = forbidden.headers;
    expect(other).toEqual(one);
  });

  it('a miss of a device’s own trust list is quiet', async () => {
    await get('/CTLSEP001122334455.tlv');
    await get('/missing.xml');
    expect(events).toMatchObject([
      { type: 'file-not-served', name: 'CTLSEP001122334455.tlv', outcome: 'not-found', quiet: true },
      { type: 'file-not-served', name: 'missing.xml', outcome: 'not-found', quiet: false },
    ]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'MKCOL'])(
    '405 for %s',
    async (method) => {
      const answer = await get('/Ringlist.xml', { method });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    },
  );

  it('a body is neither read nor stored', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await get('/Ringlist.xml', { method: 'PUT', body: '{broken', headers })).status).toBe(405);
    expect(
      (
        await get('/Ringlist.xml', { body: 'x'.repeat(100_000), headers: { 'content-length': '100000' } })
      ).body.toString(),
    ).toBe('rings');
  });

  it('503 and Retry-After: 2 while a search is under way (design.md §2)', async () => {
    busy = true;
    const answer = await get('/somewhere.xml');
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(events).toMatchObject([{ type: 'file-not-served', outcome: 'retry', reason: 'search' }]);
  });

  it.each([
    [
      'a header that is too long',
      `GET /x HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(httpHeaderBytesMax)}\r\n\r\n`,
    ],
    ['no HTTP', 'hello\r\n\r\n'],
    ['two hosts that differ', 'GET /Ringlist.xml HTTP/1.1\r\nHost: a\r\nHost b\r\n\r\n'],
    ['a control character', 'GET /Ringlist.xml HTTP/1.1\r\nHost: a\u0001\r\n\r\n'],
    [
      'length and chunks',
      'GET /Ringlist.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])('400 for %s, with nothing of it in the answer', async (_, bytes) => {
    const { socket, text } = await dial();
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\nBad request\n$/);
  });
});

describe('one connection, many requests', () => {
  it('goes from the short way to the long way without losing a byte', async () => {
    const { socket, text } = await dial();
    const ends = [
      [bare('Ringlist.xml'), /rings$/],
      [bare('RINGLIST.xml'), /rings$/],
      [bare('missing.xml'), /File not found\n$/],
      [bare('Ringlist.xml'), /rings$/],
      ['GET /Ringlist.xml HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n', /\r\n\r\nri$/],
    ] as const;
    for (const [request, end] of ends) {
      const before = text().length;
      socket.write(request);
      await eventually(() => expect(text().slice(before)).toMatch(end));
    }
  });

  it('cut into single bytes', async () => {
    const { socket, text } = await dial();
    socket.setNoDelay(true);
    for (const byte of bare('Ringlist.xml')) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(text()).toMatch(/\r\n\r\nrings$/));
  });

  it('joined in one packet', async () => {
    const { socket, text } = await dial();
    socket.write(bare('Ringlist.xml') + bare('missing.xml') + bare('empty.xml') + bare('Ringlist.xml'));
    await eventually(() => expect(text().match(/HTTP\/1\.1 (\d+)/g)).toHaveLength(4));
    await eventually(() => expect(text()).toMatch(/rings$/));
    expect(text().match(/HTTP\/1\.1 (\d+)/g)).toEqual(
      ['200', '404', '200', '200'].map((code) => `HTTP/1.1 ${code}`),
    );
  });

  it('who asks and does not read holds one answer, not all of them', async () => {
    await get('/big.xml');
    events.length = 0;
    const { socket } = await dial();
    socket.pause();
    for (let i = 0; i < 200; i++) {
      socket.write(bare('big.xml'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The kernel's buffers of both ends take some; 200 MB they do not.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(events.filter(({ type }) => type === 'file-served').length).toBeLessThan(50);
  });

  it('a slow sender loses its connection, a silent one too', { timeout: 40_000 }, async () => {
    const [slow, silent] = [await dial(), await dial()];
    const trickle = setInterval(() => slow.socket.write('x'), 500);
    slow.socket.write('GET /Ringlist.xml HTTP/1.1\r\nX: ');
    const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await Promise.all([closed(slow.socket), closed(silent.socket)]);
    clearInterval(trickle);
  });
});

describe('files above memory size are streamed', () => {
  const path = join(root, 'load.bin');
  beforeAll(() => writeFileSync(path, Buffer.alloc(largeBytes, 'load')));

  function opened(): number {
    const target = (fd: string) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // it was closed since it was listed
      }
    };
    return readdirSync('/proc/self/fd').filter((fd) => target(fd) === path).length;
  }

  it('whole and in part', async () => {
    expect((await get('/load.bin')).body.equals(Buffer.alloc(largeBytes, 'load'))).toBe(true);
    const part = await get('/load.bin', { headers: { range: `bytes=${largeBytes - 6}-` } });
    expect([part.status, part.body.toString()]).toEqual([206, 'adload']);
  });

  it('and closed when the client goes away', async () => {
    const gone = await Promise.all(Array.from({ length: 8 }, () => dial()));
    for (const { socket } of gone) {
      socket.pause();
      socket.write(bare('load.bin'));
    }
    await eventually(() => expect(opened()).toBe(gone.length));
    for (const { socket } of gone) socket.destroy();
    await eventually(() => expect(opened()).toBe(0));
    await eventually(() => expect(events.filter(({ type }) => type === 'transfer-ended')).toHaveLength(8));
  });

  it('and broken off, not mixed, when the file changes meanwhile', async () => {
    const { socket, text } = await dial();
    socket.pause();
    socket.write(bare('load.bin'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    truncateSync(path, largeBytes - 1);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await closed;
    expect(text()).toMatch(new RegExp(`\\r\\ncontent-length: ${largeBytes}\\r\\n`, 'i'));
    expect(text().length).toBeLessThan(largeBytes);
  });
});

it('random bytes leave it serving', async () => {
  const random = seeded(7);
  const valid = bare('Ringlist.xml');
  for (let round = 0; round < 200; round++) {
    const { socket } = await dial();
    const at = Math.floor(random() * valid.length);
    const bytes = String.fromCharCode(Math.floor(random() * 256)).repeat(1 + Math.floor(random() * 40));
    socket.end(Buffer.from(valid.slice(0, at) + bytes + valid.slice(at), 'latin1'));
  }
  expect((await get('/Ringlist.xml')).body.toString()).toBe('rings');
});

it('closes although a client does not read what it asked for', async () => {
  const content = { kind: 'memory', bytes: new Uint8Array(64 * 1024 * 1024) } as const;
  const resolver: Resolver = {
    resolve: () => Promise.resolve({ kind: 'served', content, by: 'test', freshForMs: 0, trace: [] }),
  };
  const listen = { address: '127.0.0.1', port: 0 };
  const server = await startFileHttp({ listen, resolver, opener: fileOpener, onEvent: () => undefined });
  const [short, long, idle] = [await dial(server.port), await dial(server.port), await dial(server.port)];
  for (const { socket } of [short, long]) socket.pause();
  short.socket.write(bare('x'));
  long.socket.write('GET /x HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
  await eventually(() => expect(long.socket.bytesRead + short.socket.bytesRead).toBeGreaterThan(0));
  await server.close();
  await eventually(() => expect(idle.socket.destroyed).toBe(true));
});

it('closes connections of networks that are not allowed, before a byte is read', async () => {
  const asked: string[] = [];
  const resolver: Resolver = {
    resolve: ({ name }) => (asked.push(name), Promise.resolve({ kind: 'not-found', trace: [] })),
  };
  const listen = { address: '127.0.0.1', port: 0 };
  const allows = (address: string) => address !== '127.0.0.1';
  const onEvent = () => undefined;
  const server = await startFileHttp({ listen, allows, resolver, opener: fileOpener, onEvent });
  const { socket } = await dial(server.port);
  socket.on('error', () => undefined);
  socket.write(bare('x'));
  await eventually(() => expect(socket.destroyed).toBe(true));
  expect([socket.bytesRead, asked]).toEqual([0, []]);
  await server.close();
});

it('says that its port is taken', async () => {
  const listen = { address: '127.0.0.1', port: http.port };
  const resolver: Resolver = { resolve: () => Promise.resolve({ kind: 'not-found', trace: [] }) };
  const second = startFileHttp({ listen, resolver, opener: fileOpener, onEvent: () => undefined });
  await expect(second).rejects.toMatchObject({ code: 'address-in-use' });
});

import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchHttp } from '../../../src/net/http-client.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

describe('a file over HTTP', () => {
  it('asks for the name as it is, in the path', async () => {
    const requests: string[] = [];
    const port = await serve('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', requests);
    await expect(text({ port, name: 'Desktops/320x212x16/a b#.xml' })).resolves.toBe('ok');
    expect(requests[0]).toMatch(/^GET \/Desktops\/320x212x16\/a%20b%23\.xml HTTP\/1\.1\r\n/);
  });

  it.each([
    ['404', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'not-found'],
    ['503', 'HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n', 'peer-error'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n', 'peer-error'],
    ['a cut body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort', 'peer-error'],
    ['no HTTP', 'SSH-2.0-x\r\n', 'peer-error'],
    ['an endless body', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(2000)}`, 'peer-error'],
  ])('%s', async (_, answer, code) => {
    const port = await serve(answer);
    await expect(text({ port, name: 'x', bytesMax: 1000 })).rejects.toMatchObject({ code });
  });

  it('gives up on silence', async () => {
    const port = await serve(undefined);
    await expect(text({ port, name: 'x', idleMs: 50 })).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('says when nobody listens', async () => {
    const port = await serve('');
    servers[0]?.close();
    await once(servers.pop() as Server, 'close');
    await expect(text({ port, name: 'x' })).rejects.toMatchObject({ code: 'unreachable' });
  });
});

async function text(request: {
  port: number;
  name: string;
  bytesMax?: number;
  idleMs?: number;
}): Promise<string> {
  return Buffer.from(await fetchHttp({ host: '127.0.0.1', ...request })).toString();
}

/** Answers every connection with these bytes and closes it; undefined says nothing for ever. */
async function serve(answer: string | undefined, requests: string[] = []): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      requests.push(data.toString('latin1'));
      if (answer !== undefined) socket.end(answer);
    });
    socket.setTimeout(2_000, () => socket.destroy());
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

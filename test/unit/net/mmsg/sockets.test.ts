import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { Arena } from '../../../../src/net/mmsg/arena.ts';
import { IP_TOS, IPPROTO_IP, loadLibc } from '../../../../src/net/mmsg/libc.ts';
import { SockaddrCodec } from '../../../../src/net/mmsg/sockaddr.ts';
import { SocketOpener } from '../../../../src/net/mmsg/sockets.ts';

const loaded = loadLibc();
if (!loaded.ok) throw new Error(loaded.error);
const libc = loaded.value;
const arena = new Arena(4096);
const codec = new SockaddrCodec(libc, arena);
const opener = new SocketOpener(libc, arena, codec);
const record = arena.reserve(64);
const defaults = { port: 0, dscp: 0, receiveBufferBytes: 4 * 1024 * 1024 };
const opened: number[] = [];

afterEach(() => {
  for (const fd of opened.splice(0)) libc.close(fd);
});

function open(options: { address: string; port?: number; dscp?: number }) {
  const outcome = opener.open({ ...defaults, ...options });
  if (outcome.ok) opened.push(outcome.value.fd);
  return outcome;
}

it.each(['127.0.0.1', '255.1.2.3', '::1', 'fe80::1%2', '2001:db8::a:b', '::'])(
  'writes and reads %s',
  (text) => {
    expect(codec.write(record, text, 6969)).toBe(text.includes(':') ? 28 : 16);
    expect(codec.address(record)).toBe(text);
    expect(codec.port(record)).toBe(6969);
  },
);

it.each(['localhost', '1.2.3', 'fe80::1%eth0', ''])('refuses %s, which is no numeric address', (text) => {
  expect(codec.write(record, text, 69)).toBeUndefined();
});

it('detects a port that is taken by another program', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1');
  await once(other, 'listening');
  const outcome = open({ address: '127.0.0.1', port: other.address().port });
  other.close();
  expect(!outcome.ok && outcome.error).toEqual({ call: 'bind', code: 'EADDRINUSE' });
});

it('detects a port that one of its own sockets holds, even bound to all addresses', () => {
  const first = open({ address: '0.0.0.0' });
  if (!first.ok) throw new Error(first.error.code);
  const second = open({ address: '127.0.0.1', port: first.value.port });
  expect(!second.ok && second.error.code).toBe('EADDRINUSE');
});

it('says which address does not exist here', () => {
  const outcome = open({ address: '203.0.113.7' });
  expect(!outcome.ok && outcome.error.code).toBe('EADDRNOTAVAIL');
});

it('binds IPv4 and IPv6 on one port, asks for the receive buffer and sets DSCP', () => {
  const v4 = open({ address: '0.0.0.0', dscp: 46 });
  if (!v4.ok) throw new Error(v4.error.code);
  const v6 = open({ address: '::', port: v4.value.port });
  if (!v6.ok) throw new Error(v6.error.code);
  expect([v4.value.wildcard, v6.value.wildcard]).toEqual([true, true]);
  expect(v6.value.port).toBe(v4.value.port);
  // A kernel without CAP_NET_ADMIN for us caps at net.core.rmem_max, which is at least its default.
  expect(v4.value.receiveBufferBytes).toBeGreaterThan(65_536);
  arena.u32[record >>> 2] = 0;
  arena.u32[(record >>> 2) + 1] = 4;
  libc.getsockopt(v4.value.fd, IPPROTO_IP, IP_TOS, arena.address + record, arena.address + record + 4);
  expect(arena.u32[record >>> 2]).toBe(46 << 2);
});

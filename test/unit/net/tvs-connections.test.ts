import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { ConnectionTable } from '../../../src/net/tvs-connections.ts';

const stageMs = { handshake: 10, exchange: 20, idle: 30 };

function table(limits = { connectionsMax: 4, perAddressMax: 2 }) {
  const expired: string[] = [];
  const connections = new ConnectionTable({ ...limits, stageMs }, ({ key, stage }) =>
    expired.push(`${key} ${stage}`),
  );
  return { connections, expired };
}

it('above the limit of an address its stillest goes, above the limit of all the stillest of all', () => {
  const { connections } = table();
  const add = (key: string, address: string, atMs: number): string | undefined =>
    connections.add(key, new Socket(), address, atMs)?.key;
  expect([add('a1', 'a', 0), add('a2', 'a', 1)]).toEqual([undefined, undefined]);
  connections.enter('a1', 'idle', 2);
  expect(add('a3', 'a', 3)).toBe('a2');
  expect([add('b1', 'b', 4), add('c1', 'c', 5)]).toEqual([undefined, undefined]);
  connections.enter('a1', 'exchange', 6);
  expect(add('d1', 'd', 7)).toBe('a3');
  expect(connections.size).toBe(4);
  connections.remove('d1');
  connections.remove('d1');
  expect(connections.size).toBe(3);
});

it('each stage has its time; a question that trickles in gets no new one', () => {
  const { connections, expired } = table();
  connections.add('quiet', new Socket(), 'a', 0);
  connections.add('slow', new Socket(), 'b', 0);
  connections.add('idle', new Socket(), 'c', 0);
  connections.enter('idle', 'idle', 5);
  for (let atMs = 5; atMs < 26; atMs += 5) connections.enter('slow', 'exchange', atMs);
  connections.sweep(9);
  expect(expired).toEqual([]);
  connections.sweep(11);
  expect(expired).toEqual(['quiet handshake']);
  connections.sweep(26);
  expect(expired).toEqual(['quiet handshake', 'slow exchange']);
  connections.sweep(36);
  expect(expired.at(-1)).toBe('idle idle');
  expect(connections.size).toBe(0);
});

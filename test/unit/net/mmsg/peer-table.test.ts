import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Arena } from '../../../../src/net/mmsg/arena.ts';
import { AF_INET, AF_INET6 } from '../../../../src/net/mmsg/libc.ts';
import { PeerTable, recordBytes, recordLocal, recordSocket } from '../../../../src/net/mmsg/peer-table.ts';

const slotsMax = 64;

function table() {
  const arena = new Arena(PeerTable.bytesFor(slotsMax) + recordBytes * 2);
  const asked = arena.reserve(recordBytes);
  return { arena, asked, peers: new PeerTable(arena, slotsMax) };
}

interface Peer {
  readonly family: number;
  readonly port: number;
  readonly address: readonly number[];
  readonly local: number;
  readonly socket: number;
}

function write({ arena, asked }: ReturnType<typeof table>, peer: Peer): number {
  arena.u8.fill(0, asked, asked + recordBytes);
  arena.u32[asked >>> 2] = peer.family | (peer.port << 16);
  const words = peer.family === AF_INET ? peer.address.slice(0, 1) : [0, ...peer.address];
  for (const [i, word] of words.entries()) arena.u32[(asked >>> 2) + 1 + i] = word;
  arena.u32[(asked + recordLocal) >>> 2] = peer.local;
  arena.u32[(asked + recordSocket) >>> 2] = peer.socket;
  return asked;
}

// Few values, so that peers that differ in one field only are common.
const peers = fc.record({
  family: fc.constantFrom(AF_INET, AF_INET6),
  port: fc.integer({ min: 1, max: 3 }),
  address: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 5, maxLength: 5 }),
  local: fc.integer({ min: 0, max: 1 }),
  socket: fc.integer({ min: 0, max: 1 }),
});

function keyOf(peer: Peer): string {
  return JSON.stringify({ ...peer, address: peer.family === AF_INET ? peer.address[0] : peer.address });
}

it('finds every peer that has a slot, and nobody else, as a map by text would', () => {
  const steps = fc.array(fc.record({ peer: peers, give: fc.boolean(), settle: fc.boolean() }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const made = table();
      const known = new Map<string, number>();
      for (const { peer, give, settle } of list) {
        const offset = write(made, peer);
        const found = made.peers.find(offset);
        expect(found).toBe(known.get(keyOf(peer)) ?? -1);
        if (found >= 0 && give) {
          made.peers.give(found);
          known.delete(keyOf(peer));
        } else if (found < 0 && made.peers.size < slotsMax) known.set(keyOf(peer), made.peers.take(offset));
        if (settle) made.peers.settle();
      }
    }),
    { seed: 20261121, numRuns: 200 },
  );
});

it('keeps the record of a slot that was given back until it is settled', () => {
  const made = table();
  const peer = { family: AF_INET, port: 7, address: [1, 0, 0, 0, 0], local: 0, socket: 0 };
  const slots = Array.from({ length: slotsMax }, (_, i) =>
    made.peers.take(write(made, { ...peer, port: i + 1 })),
  );
  expect(made.peers.take(write(made, { ...peer, port: 999 }))).toBe(-1);
  const [first = -1] = slots;
  made.peers.give(first);
  expect(made.peers.take(write(made, { ...peer, port: 999 }))).toBe(-1);
  expect(made.arena.u32[made.peers.record(first) >>> 2]).toBe(AF_INET | (1 << 16));
  made.peers.settle();
  expect(made.peers.take(write(made, { ...peer, port: 999 }))).toBe(first);
  expect(() => made.peers.give(slotsMax - 1 - first)).not.toThrow();
  expect(() => made.peers.give(slotsMax - 1 - first)).toThrow(/nobody has/);
});

import { describe, expect, test } from 'vitest';
import { negotiate } from '../../../../src/core/tftp/negotiate.ts';
import { Sender } from '../../../../src/core/tftp/sender.ts';

const limits = { blksizeMax: 65_464, windowsizeMax: 64 };

function sender(sizeBytes: number, options: Record<string, number> = {}): Sender {
  const asked = Object.entries(options).map(([name, value]) => ({ name, value: String(value) }));
  return new Sender(sizeBytes, negotiate(asked, sizeBytes, limits), 0);
}

const none = { kind: 'none' };
const window = (first: number, count: number) => ({ kind: 'data', first, count });

describe('window 1', () => {
  test('block by block to the end, the short last block included', () => {
    const machine = sender(1100);
    expect(machine.start(0)).toEqual(window(1, 1));
    expect(machine.ack(1, 1)).toEqual(window(2, 1));
    expect(machine.ack(2, 2)).toEqual(window(3, 1));
    expect(machine.block(3)).toEqual({ block: 3, offset: 1024, length: 76 });
    expect(machine.awaitsLastAck).toBe(true);
    expect(machine.ack(3, 3)).toEqual({ kind: 'done' });
  });

  test('RFC 1123 §4.2.3.1: duplicates cause nothing, however many and however late', () => {
    const machine = sender(5000);
    machine.start(0);
    machine.ack(1, 1);
    for (let at = 2; at < 90; at++) expect(machine.ack(1, at)).toEqual(none);
    expect(machine.ack(0, 90)).toEqual(none);
    expect(machine.retransmits).toBe(0);
  });

  test('65536 is sent as block 0', () => {
    const machine = sender(512 * 70_000);
    expect(machine.block(65_535).block).toBe(65_535);
    expect(machine.block(65_536)).toEqual({ block: 0, offset: 65_535 * 512, length: 512 });
    machine.start(0);
    for (let block = 1; block <= 65_537; block++) machine.ack(block & 0xffff, block);
    expect(machine.ack(1, 70_000)).toEqual(none);
    expect(machine.ack(2, 70_000)).toEqual(window(65_539, 1));
  });

  test('the time-out follows the round trip, repeats double, 30 s end it', () => {
    const machine = sender(50_000);
    machine.start(0);
    for (let block = 1; block <= 20; block++) machine.ack(block, block * 20);
    const waits: number[] = [];
    let at = 400;
    for (;;) {
      const due = machine.deadlineMs;
      waits.push(Math.round(due - at));
      at = due;
      const effect = machine.expire(at);
      if (effect.kind === 'failed') break;
      expect(effect).toEqual(window(21, 1));
    }
    expect(waits.slice(0, 7)).toEqual([100, 200, 400, 800, 1600, 3200, 6400]);
    expect(at).toBe(30_400);
  });

  test('not before its time', () => {
    const machine = sender(5000);
    machine.start(0);
    expect(machine.expire(999)).toEqual(none);
  });
});

describe('before the first ACK', () => {
  test('2 DATA and then silence until the client speaks', () => {
    const machine = sender(5000);
    machine.start(0);
    expect(machine.expire(1000)).toEqual(window(1, 1));
    expect(machine.expire(machine.deadlineMs)).toEqual(none);
    expect(machine.deadlineMs).toBe(30_000);
    expect(machine.ack(1, 20_000)).toEqual(window(2, 1));
  });

  test('3 OACK and then silence', () => {
    const machine = sender(5000, { blksize: 1024 });
    const sent = [machine.start(0)];
    for (let i = 0; i < 5; i++) sent.push(machine.expire(Math.min(machine.deadlineMs, 29_000)));
    expect(sent.filter(({ kind }) => kind === 'oack')).toHaveLength(3);
    expect(machine.expire(30_000)).toEqual({ kind: 'failed' });
  });

  test('a repeated request is worth the same again', () => {
    const machine = sender(5000);
    machine.start(0);
    machine.expire(1000);
    machine.expire(3000);
    expect(machine.restart(4000)).toEqual(window(1, 1));
    expect(machine.retransmits).toBe(2);
  });
});

describe('a repeated request in the middle', () => {
  test('a client that starts over is followed from block 1', () => {
    const machine = sender(5000);
    machine.start(0);
    for (let block = 1; block <= 4; block++) machine.ack(block, block);
    expect(machine.restart(10)).toEqual(window(1, 1));
    expect(machine.ack(1, 11)).toEqual(window(2, 1));
  });

  test('a client that is further goes on where it is', () => {
    const machine = sender(5000, { windowsize: 2 });
    machine.start(0);
    machine.ack(0, 1);
    machine.ack(2, 2);
    expect(machine.restart(10)).toEqual({ kind: 'oack' });
    expect(machine.ack(4, 11)).toEqual(window(5, 2));
  });

  test('above 65535 an old number is not taken for a new one', () => {
    const machine = sender(512 * 70_000);
    machine.start(0);
    for (let block = 1; block <= 66_000; block++) machine.ack(block & 0xffff, block);
    machine.restart(70_000);
    expect(machine.ack(66_001 & 0xffff, 70_001)).toEqual(none);
  });
});

describe('windows (RFC 7440)', () => {
  test('an ACK inside moves the window behind it', () => {
    const machine = sender(50_000, { windowsize: 8 });
    expect(machine.start(0)).toEqual({ kind: 'oack' });
    expect(machine.ack(0, 1)).toEqual(window(1, 8));
    expect(machine.ack(3, 2)).toEqual(window(4, 8));
    expect(machine.ack(11, 3)).toEqual(window(12, 8));
  });

  test('a train of ACKs one block apart releases no window for each', () => {
    const machine = sender(500_000, { windowsize: 64 });
    machine.start(0);
    machine.ack(0, 40); // round trip 40 ms
    let blocks = 0;
    for (let block = 1; block <= 60; block++) {
      const effect = machine.ack(block, 40 + block);
      if (effect.kind === 'data') blocks += effect.count;
    }
    expect(blocks).toBeLessThanOrEqual(6 * 64); // the forger's ACKs shorten the round trip too, to its floor
    expect(machine.ack(125, 110)).toMatchObject({ kind: 'none' }); // never sent
    expect(machine.expire(machine.deadlineMs)).toEqual(window(61, 64)); // what was acknowledged counts
  });

  test('the last window is as long as what is left', () => {
    const machine = sender(512 * 10, { windowsize: 8 });
    machine.start(0);
    machine.ack(0, 1);
    expect(machine.ack(8, 2)).toEqual(window(9, 3));
    expect(machine.block(11)).toEqual({ block: 11, offset: 5120, length: 0 });
    expect(machine.ack(11, 3)).toEqual({ kind: 'done' });
  });

  test('a repeat of the last ACK counts once per round trip', () => {
    const machine = sender(50_000, { windowsize: 4 });
    machine.start(0);
    machine.ack(0, 50); // round trip 50 ms
    machine.ack(4, 100);
    expect(machine.ack(4, 120)).toEqual(none);
    expect(machine.ack(4, 151)).toEqual(window(5, 4));
    expect(machine.ack(4, 160)).toEqual(none);
    expect(machine.ack(4, 199)).toEqual(none);
    expect(machine.ack(4, 202)).toEqual(window(5, 4));
  });

  test('Karn: an ACK of blocks that were sent twice measures nothing', () => {
    const machine = sender(50_000, { windowsize: 4 });
    machine.start(0);
    machine.ack(0, 10);
    machine.expire(machine.deadlineMs);
    const resentAt = 10 + 100;
    machine.ack(4, resentAt + 5000);
    // Still the doubled timeout: nothing was measured since.
    expect(machine.deadlineMs - (resentAt + 5000)).toBe(200);
  });
});

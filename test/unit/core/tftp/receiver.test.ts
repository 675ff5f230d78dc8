import { describe, expect, test } from 'vitest';
import { Receiver, type Wanted } from '../../../../src/core/tftp/receiver.ts';

function receiver(wanted: Partial<Wanted> = {}): Receiver {
  const machine = new Receiver(
    { blksize: 1024, windowsize: 4, tsize: true, sizeBytesMax: 100_000, ...wanted },
    0,
  );
  machine.start(0);
  return machine;
}

function pairs(...options: [string, string | number][]) {
  return options.map(([name, value]) => ({ name, value: String(value) }));
}

const none = { kind: 'none' };
const store = (offset: number, ack = -1) => ({ kind: 'store', offset, ack });

describe('OACK (RFC 2347)', () => {
  test.each([
    ['more than asked', pairs(['blksize', 1025])],
    ['a larger window', pairs(['windowsize', 5])],
    ['not asked', pairs(['timeout', 3])],
    ['unknown', pairs(['multicast', 'x'])],
    ['twice', pairs(['blksize', 512], ['BLKSIZE', 512])],
    ['too small', pairs(['blksize', 7])],
    ['no number', pairs(['tsize', '-1'])],
  ])('%s is refused with ERROR 8', (_, options) => {
    expect(receiver().oack(options, 1)).toMatchObject({ kind: 'failed', error: { code: 8 } });
  });

  test('an announced size over the limit is refused with ERROR 3', () => {
    const effect = receiver().oack(pairs(['tsize', 100_001]), 1);
    expect(effect).toMatchObject({ kind: 'failed', failure: { kind: 'too-large' }, error: { code: 3 } });
  });

  test('accepted, repeated, and out of place', () => {
    const machine = receiver();
    const options = pairs(['blksize', 512], ['tsize', 1000]);
    expect(machine.oack(options, 1)).toEqual({ kind: 'ack', block: 0 });
    expect(machine.oack(options, 2)).toEqual({ kind: 'ack', block: 0 });
    expect(machine.data(1, 512, 3)).toEqual(store(0, 1));
    expect(machine.oack(options, 4)).toEqual(none);
  });

  test('DATA 1 instead of it declines every option', () => {
    const machine = receiver();
    expect(machine.data(1, 512, 1)).toEqual(store(0, 1));
    expect([machine.blksize, machine.windowsize]).toEqual([512, 1]);
  });
});

describe('blocks', () => {
  function windowed(tsize = 8192): Receiver {
    const machine = receiver();
    machine.oack(pairs(['blksize', 1024], ['windowsize', 4], ['tsize', tsize]), 1);
    return machine;
  }

  test('an ACK per window, at its end', () => {
    const machine = windowed();
    const effects = [1, 2, 3, 4, 5].map((block) => machine.data(block, 1024, 2));
    expect(effects).toEqual([store(0), store(1024), store(2048), store(3072, 4), store(4096)]);
  });

  test('reordered inside the window: stored in place, no false gap', () => {
    const machine = windowed();
    expect([2, 1, 3, 4].map((block) => machine.data(block, 1024, 2))).toEqual([
      store(1024),
      store(0),
      store(2048),
      store(3072, 4),
    ]);
  });

  test('a gap is told once, when two later blocks show it', () => {
    const machine = windowed();
    machine.data(1, 1024, 2);
    expect(machine.data(3, 1024, 3)).toEqual(store(2048));
    expect(machine.data(4, 1024, 3)).toEqual(store(3072, 1));
    // The sender begins again behind 1; 3 and 4 are there already.
    expect(machine.data(2, 1024, 4)).toEqual(store(1024));
    expect(machine.data(3, 1024, 4)).toEqual(none);
    expect(machine.data(4, 1024, 4)).toEqual(none);
    expect(machine.data(5, 1024, 4)).toEqual(store(4096, 5));
  });

  test('what a resent window repeats is not acknowledged again and again: windows would overlap for ever', () => {
    const machine = windowed(20_000);
    machine.data(2, 1024, 2);
    expect(machine.data(3, 1024, 2)).toEqual(store(2048, 0)); // 1 is missing
    const answers = [1, 2, 3, 4, 3, 2].map((block) => machine.data(block, 1024, 3));
    expect(answers.slice(0, 4)).toEqual([store(0), none, none, store(3072, 4)]);
    expect(answers.slice(4)).toEqual([none, none]);
  });

  test('a sender behind our last ACK hears it again where we stand', () => {
    const machine = windowed(20_000);
    for (const block of [1, 2, 3, 4]) machine.data(block, 1024, 2);
    // The ACK was lost, the whole window comes again.
    expect([1, 2, 3, 4].map((block) => machine.data(block, 1024, 3))).toEqual([
      none,
      none,
      none,
      { kind: 'ack', block: 4 },
    ]);
  });

  test('a gap before the end of the window is told at its end', () => {
    const machine = windowed();
    for (const block of [1, 2]) machine.data(block, 1024, 2);
    expect(machine.data(4, 1024, 3)).toEqual(store(3072, 2));
  });

  test('the last ACK is repeated when its block comes again, older ones are left alone', () => {
    const machine = receiver({ windowsize: undefined });
    machine.data(1, 512, 1);
    machine.data(2, 512, 2);
    expect(machine.data(2, 512, 3)).toEqual({ kind: 'ack', block: 2 });
    expect(machine.data(1, 512, 4)).toEqual(none);
    expect(machine.data(9, 512, 5)).toEqual(none);
  });

  test('time-outs repeat the request, then the last ACK, and end after 30 s', () => {
    const machine = receiver();
    expect(machine.expire(1000)).toEqual({ kind: 'request' });
    machine.data(1, 512, 1500);
    expect(machine.expire(machine.deadlineMs)).toEqual({ kind: 'ack', block: 1 });
    expect(machine.expire(31_500)).toMatchObject({ kind: 'failed', failure: { kind: 'timed-out' } });
  });

  test('dallies: the last ACK again, then closed (RFC 1350 §6)', () => {
    const machine = receiver();
    expect(machine.data(1, 100, 1)).toEqual(store(0, 1));
    expect([machine.complete, machine.sizeBytes]).toEqual([true, 100]);
    expect(machine.data(1, 100, 2)).toEqual({ kind: 'ack', block: 1 });
    expect(machine.peerError(0, 'late')).toEqual(none);
    expect(machine.expire(machine.deadlineMs)).toEqual({ kind: 'closed' });
    expect(machine.data(1, 100, 9999)).toEqual(none);
  });

  test.each([
    ['a block over blksize', (machine: Receiver) => machine.data(1, 1025, 2), { code: 4 }],
    [
      'more than tsize',
      (machine: Receiver) => [1, 2, 3].map((b) => machine.data(b, 1024, 2)).at(-1),
      { code: 4 },
    ],
    ['two last blocks', (machine: Receiver) => [2, 1].map((b) => machine.data(b, 10, 2)).at(-1), { code: 4 }],
    ['less than tsize', (machine: Receiver) => machine.data(1, 10, 2), undefined],
  ])('%s ends the transfer', (_, act, error) => {
    expect(act(windowed(2048))).toMatchObject({ kind: 'failed', failure: { kind: 'protocol' } });
    const effect = act(windowed(2048));
    expect(effect?.kind === 'failed' && effect.error?.code).toBe(error?.code);
  });

  test('an endless file ends at the limit', () => {
    const machine = receiver({ sizeBytesMax: 5000 });
    const effects = Array.from({ length: 10 }, (_, i) => machine.data(i + 1, 512, i));
    expect(effects[9]).toMatchObject({ kind: 'failed', failure: { kind: 'too-large' } });
  });
});

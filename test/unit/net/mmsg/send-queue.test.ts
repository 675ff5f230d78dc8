import { expect, it } from 'vitest';
import { Arena } from '../../../../src/net/mmsg/arena.ts';
import {
  AF_INET,
  EAGAIN,
  EINVAL,
  EIO,
  EMSGSIZE,
  type Libc,
  messageBytes,
  messageControl,
  messageControlLength,
  messageIov,
  messageName,
} from '../../../../src/net/mmsg/libc.ts';
import { recordBytes } from '../../../../src/net/mmsg/peer-table.ts';
import { SendQueue } from '../../../../src/net/mmsg/send-queue.ts';

interface Left {
  /** Where it points to, from the start of the image. */
  readonly at: number;
  readonly bytes: number;
  /** UDP_SEGMENT's value; 0: one packet. */
  readonly segmentBytes: number;
  readonly record: number;
}

/** A kernel that reads the messages as the real one would and refuses those that `refuse` names an error for. */
function kernel(refuse: (message: Left) => number) {
  const arena = new Arena(SendQueue.arenaBytes + recordBytes * 2 + 1024);
  const record = arena.reserve(recordBytes);
  const left: Left[] = [];
  const refusals: [number, number][] = [];
  let error = 0;
  let polls = 0;
  const word = (offset: number): number =>
    (arena.u32[offset >>> 2] ?? 0) + (arena.u32[(offset >>> 2) + 1] ?? 0) * 2 ** 32;
  const read = (message: number): Left => {
    const iovec = word(message + messageIov) - arena.address;
    const control = word(message + messageControl) - arena.address;
    const segmented = word(message + messageControlLength) > 0;
    return {
      at: word(iovec) - imageAddress,
      bytes: word(iovec + 8),
      segmentBytes: segmented ? (arena.u16[(control + 16) >>> 1] ?? 0) : 0,
      record: word(message + messageName) - arena.address,
    };
  };
  const sendmmsg = (_fd: number, messages: number, count: number): number => {
    for (let i = 0; i < count; i++) {
      const message = read(messages - arena.address + i * messageBytes);
      error = refuse(message);
      if (error !== 0) return i === 0 ? -1 : i;
      left.push(message);
    }
    return count;
  };
  const libc = { sendmmsg, errno: () => error, poll: () => ++polls } as unknown as Libc;
  const socket = {
    fd: 3,
    family: AF_INET,
    address: '127.0.0.1',
    port: 69,
    wildcard: false,
    receiveBufferBytes: 0,
  } as const;
  const queue = new SendQueue(libc, arena, socket, (errno, bytes) => refusals.push([errno, bytes]));
  return { queue, record, left, refusals, polls: () => polls };
}

/** Any address will do: this kernel does not follow it. */
const imageAddress = 0x7f00_1234_5000;
const packets = (n: number, packetBytes = 516) =>
  Array.from({ length: n }, (_, i) => ({ at: i * packetBytes, bytes: packetBytes, segmentBytes: 0 }));

it('sends a run of packets as one message with its segment size', () => {
  const { queue, record, left } = kernel(() => 0);
  queue.addRun(record, imageAddress, 3 * 516 + 100, 516);
  queue.addRun(record, imageAddress, 516, 516);
  queue.flush();
  expect(left).toEqual([
    { at: 0, bytes: 3 * 516 + 100, segmentBytes: 516, record },
    { at: 0, bytes: 516, segmentBytes: 0, record },
  ]);
  expect(queue.counters).toEqual({ packets: 5, bytes: 4 * 516 + 100, unsent: 0 });
});

it.each([
  ['EIO', EIO, 1],
  ['EINVAL', EINVAL, 1],
])('takes runs apart after %s, tells it once and goes on without', (_, errno, runMax) => {
  const { queue, record, left, refusals } = kernel(({ segmentBytes }) => (segmentBytes > 0 ? errno : 0));
  queue.addRun(record, imageAddress, 3 * 516, 516);
  queue.addRun(record, imageAddress, 2 * 516, 516);
  queue.flush();
  expect(left).toEqual([...packets(3), ...packets(2)].map((packet) => ({ ...packet, record })));
  expect(refusals).toEqual([[errno, 516]]);
  expect(queue.runMax(516)).toBe(runMax);
  expect(queue.counters.unsent).toBe(0);
});

it('after EMSGSIZE only packets as long as the refused ones leave one by one', () => {
  const tooLong = ({ segmentBytes }: Left): number => (segmentBytes > 1400 ? EMSGSIZE : 0);
  const { queue, record, left, refusals } = kernel(tooLong);
  queue.addRun(record, imageAddress, 2 * 1432, 1432);
  queue.addRun(record, imageAddress, 2 * 516, 516);
  queue.flush();
  expect(left.map(({ bytes }) => bytes)).toEqual([1432, 1432, 1032]);
  expect(refusals).toEqual([[EMSGSIZE, 1432]]);
  expect([queue.runMax(1432), queue.runMax(516)]).toEqual([1, 64]);
});

it('keeps to 64 segments and 65,507 bytes a call', () => {
  const { queue } = kernel(() => 0);
  expect([queue.runMax(516), queue.runMax(1432), queue.runMax(8196), queue.runMax(65_468)]).toEqual([
    64, 45, 7, 1,
  ]);
});

it('waits once for a full buffer, then counts the rest as lost', () => {
  const { queue, record, left, polls } = kernel(() => EAGAIN);
  queue.addSmall(record, new Uint8Array(10));
  queue.addSmall(record, new Uint8Array(10));
  queue.flush();
  expect([left.length, polls(), queue.counters.unsent]).toEqual([0, 1, 2]);
});

it('loses only the packet that the kernel refuses, and flushes by itself when full', () => {
  const { queue, record, left } = kernel(({ bytes }) => (bytes === 7 ? EINVAL : 0));
  for (let i = 0; i < 200; i++) queue.addSmall(record, new Uint8Array(i === 1 ? 7 : 10));
  queue.flush();
  expect(left.length).toBe(199);
  expect(queue.counters).toEqual({ packets: 200, bytes: 1997, unsent: 1 });
});

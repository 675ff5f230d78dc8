/** TFTP packets of every kind, broken in the ways that a parser or a state machine could miss; seeded. */
import { randomBytes, type Random } from './prng.ts';
import { ack, error, rrq, wrq } from './raw-tftp.ts';

type Mutation = (packet: Buffer, random: Random) => Buffer;

const values = [
  '',
  '-1',
  '0',
  '1',
  '7',
  '8',
  '512',
  '65464',
  '65465',
  '99999999999999999999',
  '1e3',
  ' 8',
  '8\n',
  '0x10',
];
const optionNames = [
  'blksize',
  'BlkSize',
  'timeout',
  'tsize',
  'windowsize',
  'multicast',
  'x'.repeat(300),
  '',
  'blksize2',
];
const modes = ['octet', 'OCTET', 'netascii', 'mail', '', 'octet\r', '\xff'];

/** One packet: well-formed four times out of ten, else changed once or several times. */
export function hostilePacket(random: Random, names: readonly string[]): Buffer {
  let packet = wellFormed(random, names);
  if (random() < 0.4) return packet;
  const times = 1 + Math.floor(random() * 3);
  for (let i = 0; i < times; i++) packet = pick(random, mutations)(packet, random);
  return packet;
}

function wellFormed(random: Random, names: readonly string[]): Buffer {
  const block = random() < 0.7 ? Math.floor(random() * 8) : Math.floor(random() * 65_536);
  switch (Math.floor(random() * 9)) {
    case 0:
    case 1:
      return rrq(pick(random, names), pick(random, modes), ...options(random));
    case 2:
    case 3:
      return rrq(pick(random, names), 'octet', ...options(random));
    case 4:
      return wrq(pick(random, names));
    case 5:
      return Buffer.concat([Buffer.of(0, 3, block >> 8, block & 0xff), randomBytes(random, random() * 600)]);
    case 6:
      return error(Math.floor(random() * 10), 'because');
    case 7:
      return Buffer.concat([Buffer.of(0, 6), Buffer.from(options(random).join('\0'))]);
    default:
      return ack(block);
  }
}

function options(random: Random): string[] {
  const count = Math.floor(random() * 4);
  return Array.from({ length: count }, () => [pick(random, optionNames), pick(random, values)]).flat();
}

const mutations: readonly Mutation[] = [
  (packet, random) => packet.subarray(0, Math.floor(random() * (packet.length + 1))),
  (packet, random) => Buffer.concat([packet, randomBytes(random, random() * 700)]),
  (packet, random) => changed(packet, random, (byte) => byte ^ (1 << Math.floor(random() * 8))),
  (packet, random) => changed(packet, random, () => 0),
  (packet, random) => changed(packet, random, () => 0xff),
  (packet, random) => {
    const at = Math.floor(random() * (packet.length + 1));
    return Buffer.concat([
      packet.subarray(0, at),
      randomBytes(random, 1 + random() * 8),
      packet.subarray(at),
    ]);
  },
  (packet, random) => {
    const at = Math.floor(random() * packet.length);
    return Buffer.concat([packet.subarray(0, at), packet.subarray(at + 1 + Math.floor(random() * 4))]);
  },
  (packet) => Buffer.concat([packet, packet]),
  (_, random) => Buffer.from(randomBytes(random, random() * 1500)),
];

function changed(packet: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(packet);
  const at = Math.floor(random() * copy.length);
  const byte = copy[at];
  if (byte !== undefined) copy[at] = change(byte);
  return copy;
}

function pick<T>(random: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(random() * list.length)];
  if (chosen === undefined) throw new RangeError('an empty list has nothing to pick');
  return chosen;
}

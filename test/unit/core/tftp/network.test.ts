import { expect, test } from 'vitest';
import {
  contains,
  isLoopback,
  isWithin,
  parseAddress,
  parseNetwork,
  parseNetworks,
  privateNetworks,
  subnetKey,
} from '../../../../src/core/tftp/network.ts';

test.each([
  ['127.0.0.1', [0x7f00, 1]],
  ['255.255.255.255', [0xffff, 0xffff]],
  ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
  ['::1', [0, 0, 0, 0, 0, 0, 0, 1]],
  ['fe80::1%eth0', [0xfe80, 0, 0, 0, 0, 0, 0, 1]],
  ['2001:db8::a:b', [0x2001, 0xdb8, 0, 0, 0, 0, 0xa, 0xb]],
  ['1:2:3:4:5:6:7:8', [1, 2, 3, 4, 5, 6, 7, 8]],
  ['64:ff9b::192.0.2.1', [0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x201]],
  ['::ffff:10.1.2.3', [0x0a01, 0x0203]],
])('%s is an address', (text, words) => {
  expect(parseAddress(text)?.words).toEqual(words);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '256.1.1.1',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.-4',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '12345::',
  '::g',
  '1.2.3.4::',
  '::1.2.3',
  'localhost',
  '1:2:3:4:5:6:7::8:9',
])('"%s" is none', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7', '192.0.2.7/32', 'fc00::/7', '::1/128', '::/0'])(
  '%s is a network',
  (text) => {
    expect(parseNetwork(text)).toBeDefined();
  },
);

test.each([
  '10.0.0.1/8',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/-1',
  '10/8',
  '/8',
  'fc00::1/7',
  'fc00::/129',
  '10.0.0.0/8/8',
])('%s is none', (text) => {
  expect(parseNetwork(text)).toBeUndefined();
});

test.each([
  ['172.16.0.0/12', '172.31.255.255', true],
  ['172.16.0.0/12', '172.32.0.0', false],
  ['fc00::/7', 'fdff::1', true],
  ['fc00::/7', 'fe00::1', false],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '1.2.3.4', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['192.0.2.7', '192.0.2.6', false],
])('%s contains %s: %s', (networkText, addressText, inside) => {
  const network = parseNetwork(networkText);
  const address = parseAddress(addressText);
  expect(network && address && contains(network, address)).toBe(inside);
});

test('an address is within networks by its value; text that is none is within nothing', () => {
  const networks = parseNetworks(privateNetworks);
  expect(
    ['192.168.1.9', '::ffff:10.0.0.1', 'fe80::1%eth0', '8.8.8.8', '2001:db8::1', 'host'].map((text) =>
      isWithin(networks, text),
    ),
  ).toEqual([true, true, true, false, false, false]);
});

test('subnets are /24 and /56', () => {
  const key = (text: string) => subnetKey(parseAddress(text) ?? { family: 4, words: [] });
  expect(key('10.1.2.3')).toBe(key('10.1.2.250'));
  expect(key('10.1.2.3')).not.toBe(key('10.1.3.3'));
  expect(key('2001:db8:0:aa01::1')).toBe(key('2001:db8:0:aaff::2'));
  expect(key('2001:db8:0:aa01::1')).not.toBe(key('2001:db8:0:ab01::1'));
});

test('loopback is 127/8 and ::1', () => {
  const loopback = (text: string) => isLoopback(parseAddress(text) ?? { family: 4, words: [] });
  expect(['127.0.0.1', '127.255.1.2', '::1', '::ffff:127.0.0.1'].map(loopback)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['128.0.0.1', '::', '::2', '10.0.0.1'].map(loopback)).toEqual([false, false, false, false]);
});

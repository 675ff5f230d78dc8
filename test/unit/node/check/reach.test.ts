import { expect, test } from 'vitest';
import { judgeReach } from '../../../../src/node/check/reach.ts';

const lan = { name: 'eth0', address: '10.1.2.3', cidr: '10.1.2.3/24' };
const loopback = { name: 'lo', address: '127.0.0.1', cidr: '127.0.0.1/8' };
const linkLocal = { name: 'eth0', address: 'fe80::1', cidr: 'fe80::1/64' };
const six = { name: 'eth0', address: '2001:db8::9', cidr: '2001:db8::9/64' };
const allow = ['127.0.0.0/8', '10.0.0.0/8'];

function verdicts(input: Parameters<typeof judgeReach>[0]): readonly string[] {
  return judgeReach(input).map(({ verdict, message }) => `${verdict}: ${message}`);
}

test('an own network that is heard and answered is fine; loopback and link-local count for nothing', () => {
  const interfaces = [loopback, lan, linkLocal];
  expect(verdicts({ listen: ['0.0.0.0'], allow, interfaces })).toEqual([
    'ok: the networks of this machine are heard and answered',
  ]);
});

test('a family nobody listens on', () => {
  expect(verdicts({ listen: ['0.0.0.0'], allow, interfaces: [lan, six] })).toEqual([
    expect.stringMatching(/^warning: this machine has IPv6 addresses and TFTP listens on none/),
  ]);
  expect(verdicts({ listen: ['2001:db8::9'], allow: ['2001:db8::/32'], interfaces: [lan, six] })).toEqual([
    expect.stringMatching(/^warning: this machine has IPv4 addresses and TFTP listens on none/),
  ]);
});

test('an own network whose phones get silence, told only where they are heard', () => {
  const interfaces = [lan, six];
  expect(
    verdicts({ listen: ['0.0.0.0', '::'], allow: ['192.168.0.0/16', '2001:db8::/32'], interfaces }),
  ).toEqual([
    expect.stringMatching(/^warning: phones in the network of eth0 \(10\.1\.2\.3\/24\) get no answer/),
  ]);
});

test('loopback only', () => {
  expect(verdicts({ listen: ['127.0.0.1', '::1'], allow, interfaces: [lan] })).toEqual([
    'warning: TFTP listens on loopback only: no phone reaches it',
  ]);
});

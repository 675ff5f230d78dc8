import { expect, test } from 'vitest';
import {
  Admission,
  defaultAdmissionLimits,
  defaultAllowedNetworks,
  type AdmissionLimits,
  type Ticket,
} from '../../../../src/core/tftp/admission.ts';

function admission(limits: Partial<AdmissionLimits> = {}) {
  const evicted: string[] = [];
  const gate = new Admission<string>({ ...defaultAdmissionLimits, ...limits }, defaultAllowedNetworks);
  const admit = (address: string, owner: string, nowMs = 0): Ticket<string> => {
    const ticket = gate.admit(address, owner, nowMs, (other) => evicted.push(other));
    if (ticket === 'busy') throw new Error('busy');
    return ticket;
  };
  return { gate, admit, evicted };
}

test.each([
  ['127.0.0.1', true],
  ['10.200.1.2', true],
  ['172.20.0.9', true],
  ['192.168.1.1', true],
  ['169.254.3.4', true],
  ['::1', true],
  ['fd12::1', true],
  ['fe80::1%eth0', true],
  ['::ffff:192.168.1.1', true],
  ['8.8.8.8', false],
  ['172.32.0.1', false],
  ['2001:db8::1', false],
  ['nonsense', false],
])('by default %s may ask: %s', (address, allowed) => {
  expect(admission().gate.allows(address)).toBe(allowed);
});

test('per address: the oldest half-open transfer gives way, an acknowledged one never', () => {
  const { gate, admit, evicted } = admission({ transfersPerAddressMax: 2 });
  const first = admit('10.0.0.1', 'first');
  admit('10.0.0.1', 'second');
  gate.acknowledged(first);
  admit('10.0.0.1', 'third');
  expect(evicted).toEqual(['second']);
  const third = admit('10.0.0.1', 'fourth');
  gate.acknowledged(third);
  expect(gate.admit('10.0.0.1', 'fifth', 0, () => undefined)).toBe('busy');
  gate.release(first);
  admit('10.0.0.1', 'sixth');
  expect(gate.count).toBe(2);
});

test('per subnet and in all', () => {
  const bySubnet = admission({ transfersPerSubnetMax: 2 });
  bySubnet.admit('10.0.0.1', 'a');
  bySubnet.admit('10.0.0.2', 'b');
  bySubnet.admit('10.0.1.1', 'c');
  bySubnet.admit('10.0.0.3', 'd');
  expect(bySubnet.evicted).toEqual(['a']);
  const inAll = admission({ transfersMax: 2 });
  for (const host of [1, 2, 3]) inAll.admit(`10.0.${host}.1`, `host ${host}`);
  expect(inAll.evicted).toEqual(['host 1']);
});

test('releasing twice, and after eviction, counts once', () => {
  const { gate, admit } = admission({ transfersMax: 1 });
  const first = admit('10.0.0.1', 'first');
  const second = admit('10.0.0.1', 'second');
  gate.release(first);
  gate.release(first);
  gate.acknowledged(first);
  expect(gate.count).toBe(1);
  gate.release(second);
  expect(gate.count).toBe(0);
});

test('what a subnet was sent without an ACK stops further transfers and fades within 30 s', () => {
  const { gate, admit } = admission({ unacknowledgedBytesPerSubnetMax: 10_000 });
  for (let i = 0; i < 19; i++) {
    const ticket = admit(`10.0.0.${i}`, 'forged', i);
    gate.sent(ticket, 526);
    gate.release(ticket); // ending it does not pay the debt
  }
  const last = admit('10.0.0.99', 'forged', 20);
  gate.sent(last, 526);
  expect(gate.mayReceive(last, 20)).toBe(false); // nor does repeating the request
  expect(gate.admit('10.0.0.200', 'phone', 20, () => undefined)).toBe('busy');
  expect(gate.admit('10.0.1.200', 'phone elsewhere', 20, () => undefined)).not.toBe('busy');
  expect(gate.admit('10.0.0.200', 'phone', 15_020, () => undefined)).not.toBe('busy');
});

test('an ACK pays the debt: a branch that boots is never stopped', () => {
  const { gate, admit } = admission({ unacknowledgedBytesPerSubnetMax: 10_000 });
  for (let i = 0; i < 1000; i++) {
    const ticket = admit(`10.0.0.${i % 250}`, 'phone', i);
    gate.sent(ticket, 516);
    gate.acknowledged(ticket);
    gate.sent(ticket, 100_000);
    gate.release(ticket);
  }
});

test('an address gets its bytes per second and a tenth at once, whatever it acknowledges', () => {
  const { gate, admit } = admission({ bytesPerSecondPerAddressMax: 1_000_000 });
  let sent = 0;
  for (let nowMs = 0; nowMs <= 2000; nowMs++) {
    // A new transfer each time: the pace belongs to the address.
    const ticket = admit('10.0.0.1', 'forger', nowMs);
    gate.acknowledged(ticket);
    while (gate.mayReceive(ticket, nowMs)) {
      gate.sent(ticket, 1000);
      sent += 1000;
    }
    gate.release(ticket);
  }
  expect(sent).toBeGreaterThan(2_000_000);
  expect(sent).toBeLessThan(2_110_000);
});

test('loopback owes nothing', () => {
  const { gate, admit } = admission({
    unacknowledgedBytesPerSubnetMax: 1000,
    bytesPerSecondPerAddressMax: 1000,
  });
  const ticket = admit('127.0.0.1', 'bench');
  gate.sent(ticket, 1_000_000);
  expect(gate.mayReceive(ticket, 1)).toBe(true);
});

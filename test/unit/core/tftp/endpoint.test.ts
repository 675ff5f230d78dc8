import { describe, expect, test } from 'vitest';
import { ownPortTriedMs, unreachedRememberedMs } from '../../../../src/base/limits-own-ports.ts';
import { defaultAllowedNetworks } from '../../../../src/core/tftp/admission.ts';
import { Endpoint } from '../../../../src/core/tftp/endpoint.ts';
import type { EndpointEffect } from '../../../../src/core/tftp/endpoint-effect.ts';
import { defaultEndpointLimits, type EndpointLimits } from '../../../../src/core/tftp/endpoint-limits.ts';
import type { Peer, ServerTransfer } from '../../../../src/core/tftp/transfer.ts';
import { encodeAck, encodeError, encodeRequest } from '../../../../src/wire/tftp-packet.ts';

type Effects = readonly EndpointEffect<string>[];

function endpoint(limits: Partial<EndpointLimits> = {}): Endpoint<string> {
  return new Endpoint({ ...defaultEndpointLimits, ...limits }, defaultAllowedNetworks, 'single');
}

function peer(address = '10.0.0.1', port = 2000): Peer {
  return { key: `${address}/${port}`, address, port };
}

function rrq(name: string, options: Record<string, string> = {}): Uint8Array {
  const list = Object.entries(options).map(([option, value]) => ({ name: option, value }));
  return encodeRequest({ kind: 'rrq', name, mode: 'octet', options: list });
}

/** `resolve`, `send data 1+1`, `send oack`, `error 1`, `ended`, or the event's type. */
function shown(effects: Effects): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'send':
        return effect.send.kind === 'data'
          ? `data ${effect.send.first}+${effect.send.count}`
          : effect.send.kind;
      case 'error':
        return `error ${effect.error.code}`;
      case 'event':
        return effect.event.type;
      case 'resolve':
      case 'hand-over':
      case 'unreached':
      case 'ended':
        return effect.kind;
    }
  });
}

function requested(effects: Effects): ServerTransfer<string> {
  const resolve = effects.find((effect) => effect.kind === 'resolve');
  if (resolve?.kind !== 'resolve') throw new Error(`no resolve in ${shown(effects).join(', ')}`);
  return resolve.transfer;
}

describe('a life', () => {
  test('request, search, data, last ACK', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    expect(shown(server.open(transfer, 600, 'local', 5))).toEqual(['data 1+1']);
    expect(shown(server.receive(peer(), encodeAck(1), 6))).toEqual(['data 2+1']);
    const last = server.receive(peer(), encodeAck(2), 8);
    expect(shown(last)).toEqual(['file-served', 'ended']);
    expect(last[0]).toMatchObject({ event: { name: 'file', bytes: 600, durationMs: 8, by: 'local' } });
    expect(shown(server.receive(peer(), encodeAck(2), 9))).toEqual([]);
    expect(server.transferCount).toBe(0);
  });

  test('an answer that comes after the end changes nothing', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    expect(shown(server.receive(peer(), encodeError({ code: 0, text: 'x' }), 1))).toEqual([
      'transfer-ended',
      'ended',
    ]);
    expect(shown(server.open(transfer, 600, 'local', 5))).toEqual([]);
    expect(shown(server.decline(transfer, 'not-found', '', 5))).toEqual([]);
    expect(shown(server.fail(transfer, 'x'))).toEqual([]);
  });

  test('a search without an answer ends after 30 s', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    expect(shown(server.expire(transfer, 29_999))).toEqual([]);
    expect(shown(server.expire(transfer, 30_000))).toEqual(['transfer-ended', 'ended']);
  });

  test('a file that changes under way is ERROR 0', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    server.open(transfer, 600, 'local', 0);
    expect(shown(server.fail(transfer, 'changed'))).toEqual(['error 0', 'transfer-ended', 'ended']);
  });

  test.each([
    ['not-found', ['file-not-served', 'error 1', 'ended']],
    ['refused', ['file-not-served', 'error 1', 'ended']],
    ['retry', ['file-not-served', 'ended']],
    ['unavailable', ['file-not-served', 'error 0', 'ended']],
    ['busy', ['file-not-served', 'error 0', 'ended']],
  ] as const)('declined as %s', (outcome, effects) => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    expect(shown(server.decline(transfer, outcome, 'reason', 1))).toEqual(effects);
    expect(server.transferCount).toBe(0);
  });

  test('the misses of every boot are quiet', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer(), rrq('CTLSEP001122334455.tlv'), 0));
    expect(server.decline(transfer, 'not-found', '', 1)[0]).toMatchObject({ event: { quiet: true } });
  });
});

describe('whose packet', () => {
  test('the key is address and port of both sides', () => {
    const server = endpoint();
    const transfer = requested(server.receive(peer('10.0.0.1', 2000), rrq('file'), 0));
    server.open(transfer, 5000, 'local', 0);
    for (const other of [peer('10.0.0.2', 2000), peer('10.0.0.1', 2001)]) {
      expect(shown(server.receive(other, encodeAck(1), 1))).toEqual([]);
      expect(shown(server.receive(other, encodeError({ code: 0, text: '' }), 1))).toEqual([]);
    }
    expect(server.counters.strays).toBe(4);
    expect(shown(server.receive(peer(), encodeAck(1), 2))).toEqual(['data 2+1']);
  });

  test('port 0 cannot be answered', () => {
    expect(shown(endpoint().receive(peer('10.0.0.1', 0), rrq('file'), 0))).toEqual(['file-not-served']);
  });

  test('noise makes ten events a second and no more, all of it is counted', () => {
    const server = endpoint();
    let events = 0;
    for (let i = 0; i < 1000; i++)
      events += server.receive(peer('8.8.8.8', 1000 + i), rrq('file'), i / 2).length;
    expect(events).toBe(10);
    expect(server.counters.notAllowed).toBe(1000);
    expect(server.receive(peer('8.8.8.8'), rrq('file'), 1000)).toHaveLength(1);
  });
});

describe('limits', () => {
  test('an evicted transfer ends before the new one is resolved', () => {
    const server = endpoint({ transfersMax: 1 });
    requested(server.receive(peer('10.0.0.1'), rrq('file'), 0));
    expect(shown(server.receive(peer('10.0.0.2'), rrq('file'), 1))).toEqual(['ended', 'resolve']);
    expect(server.counters.evicted).toBe(1);
    expect(server.transferCount).toBe(1);
  });

  test('a flood of one repeated request is paid from the debt of its subnet', () => {
    const server = endpoint({ unacknowledgedBytesPerSubnetMax: 50_000 });
    const transfer = requested(server.receive(peer(), rrq('file'), 0));
    server.open(transfer, 5000, 'local', 0);
    server.sent(transfer, 516);
    let packets = 1;
    for (let i = 0; i < 10_000; i++)
      for (const effect of server.receive(peer(), rrq('file'), i / 100))
        if (effect.kind === 'send') {
          packets++;
          server.sent(transfer, 516);
        }
    expect(packets).toBeLessThan(105);
    expect(server.counters.paced).toBeGreaterThan(9800);
  });

  test('an ACK train over the allowance is as good as lost and goes on later', () => {
    const server = endpoint({ bytesPerSecondPerAddressMax: 1_000_000 });
    const transfer = requested(server.receive(peer(), rrq('file', { windowsize: '64', blksize: '1428' }), 0));
    server.open(transfer, 100_000_000, 'local', 0);
    let sent = 0;
    let next = 0;
    for (let nowMs = 0; nowMs < 1000; nowMs++) {
      for (const effect of server.receive(peer(), encodeAck(next), nowMs))
        if (effect.kind === 'send' && effect.send.kind === 'data') {
          const bytes = effect.send.count * 1432;
          server.sent(transfer, bytes);
          sent += bytes;
          next = (effect.send.first + effect.send.count - 1) & 0xffff;
        }
    }
    expect(sent).toBeGreaterThan(900_000);
    expect(sent).toBeLessThan(1_300_000);
  });

  test('a guesser waits for its ERROR, its repeats join the wait', () => {
    const server = endpoint({ unknownNamesPerMinuteMax: 0 });
    const transfer = requested(server.receive(peer(), rrq('SEP000000000001.cnf.xml'), 0));
    expect(shown(server.decline(transfer, 'not-found', '', 0))).toEqual(['file-not-served', 'names-guessed']);
    expect(shown(server.receive(peer(), rrq('SEP000000000001.cnf.xml'), 100))).toEqual([]);
    expect(shown(server.expire(transfer, 1999))).toEqual([]);
    expect(shown(server.expire(transfer, 2000))).toEqual(['error 1', 'ended']);
  });
});

test('on transfer ports nothing but requests means anything at the listening port', () => {
  const server = new Endpoint<string>(defaultEndpointLimits, defaultAllowedNetworks, 'own');
  const transfer = requested(server.receive(peer(), rrq('file'), 0));
  server.open(transfer, 5000, 'local', 0);
  expect(shown(server.receive(peer(), encodeAck(1), 1))).toEqual([]);
  expect(shown(server.receive(peer(), encodeError({ code: 0, text: '' }), 1))).toEqual([]);
  const stranger = peer('10.0.0.1', 9);
  expect(shown(server.receiveAtTransferPort(transfer, stranger, encodeAck(1), 1))).toEqual(['error 5']);
  expect(
    shown(server.receiveAtTransferPort(transfer, stranger, encodeError({ code: 5, text: '' }), 1)),
  ).toEqual([]);
  expect(shown(server.receiveAtTransferPort(transfer, peer('8.8.8.8'), encodeAck(1), 1))).toEqual([]);
  expect(shown(server.receiveAtTransferPort(transfer, peer(), encodeAck(1), 2))).toEqual(['data 2+1']);
});

describe('while a key is renewed', () => {
  const list = 'ITLFile.tlv';

  /** A single port that hands over, and the ports that it hands over to. */
  function both(limits: Partial<EndpointLimits> = {}) {
    const single = endpoint();
    single.ownPorts.wanted = true;
    const tried = new Endpoint<string>(
      { ...defaultEndpointLimits, ...limits },
      defaultAllowedNetworks,
      'tried',
    );
    return { single, tried };
  }

  const asked = (server: Endpoint<string>, from: Peer, name: string, nowMs: number): Effects =>
    server.open(requested(server.receive(from, rrq(name), nowMs)), 600, 'trust-list', nowMs);

  test('what tells of lists is handed over when its file is there, and leaves nothing behind', () => {
    const { single } = both();
    for (const name of [list, 'CTLSEP001122334455.tlv', 'SEP001122334455.cnf.xml.sgn']) {
      const effects = asked(single, peer(), name, 0);
      expect(shown(effects)).toEqual(['hand-over', 'ended']);
      expect(effects[0]).toMatchObject({ transfer: { requestBytes: rrq(name) } });
    }
    expect(single.transferCount).toBe(0);
    // Nobody could tell whether an ERROR arrived from there.
    const missing = requested(single.receive(peer(), rrq('CTLSEP001122334455.tlv'), 0));
    expect(shown(single.decline(missing, 'not-found', '', 0))).toEqual([
      'file-not-served',
      'error 1',
      'ended',
    ]);
    expect(shown(asked(single, peer(), 'Ringlist.xml.sgn', 0))).toEqual(['data 1+1']);
    single.ownPorts.wanted = false;
    expect(shown(asked(single, peer('10.0.0.2'), list, 0))).toEqual(['data 1+1']);
  });

  test('a last ACK at its own port is a delivery that says so; a forged one at the single port is a stray', () => {
    const { single, tried } = both();
    asked(single, peer(), list, 0);
    const transfer = requested(tried.receive(peer(), rrq(list), 0));
    tried.open(transfer, 100, 'trust-list', 0);
    expect(shown(single.receive(peer(), encodeAck(1), 1))).toEqual([]);
    expect(shown(tried.receive(peer(), encodeAck(1), 1))).toEqual([]);
    const served = tried.receiveAtTransferPort(transfer, peer(), encodeAck(1), 2);
    expect(shown(served)).toEqual(['file-served', 'ended']);
    expect(served[0]).toMatchObject({ event: { name: list, ownPort: true } });
  });

  test('who repeats a request gets its first packet again; who acknowledges has all the time of a transfer', () => {
    const { tried } = both();
    const transfer = requested(tried.receive(peer(), rrq(list), 0));
    tried.open(transfer, 600, 'trust-list', 0);
    expect(shown(tried.receive(peer(), rrq(list), 500))).toEqual(['data 1+1']);
    expect(tried.transferCount).toBe(1);
    tried.receiveAtTransferPort(transfer, peer(), encodeAck(1), 2_900);
    // Its last ACK is lost, it asks again: it was there before.
    expect(shown(tried.expire(transfer, transfer.deadlineMs))).toEqual(['data 2+1']);
    expect(transfer.deadlineMs).toBeGreaterThan(ownPortTriedMs);
    expect(shown(tried.expire(transfer, 2_900 + 30_000))).toEqual(['transfer-ended', 'ended']);
  });

  test('who acknowledges nothing is given up before it asks again, and then answered from the single port', () => {
    const { single, tried } = both();
    asked(single, peer(), list, 0);
    const transfer = requested(tried.receive(peer(), rrq(list), 0));
    tried.open(transfer, 600, 'trust-list', 0);
    expect(shown(tried.expire(transfer, transfer.deadlineMs))).toEqual(['data 1+1']);
    expect(transfer.deadlineMs).toBe(ownPortTriedMs);
    const given = tried.expire(transfer, ownPortTriedMs);
    expect(shown(given)).toEqual(['transfer-ended', 'ended', 'unreached']);
    expect(given[2]).toMatchObject({ peer: peer() });
    single.ownPorts.unreached('10.0.0.1', ownPortTriedMs);
    const later = ownPortTriedMs + unreachedRememberedMs;
    expect(shown(asked(single, peer(), list, later - 1))).toEqual(['data 1+1']);
    expect(shown(asked(single, peer('10.0.0.2'), list, later - 1))).toEqual(['hand-over', 'ended']);
    expect(shown(asked(single, peer('10.0.0.1', 2001), list, later))).toEqual(['hand-over', 'ended']);
  });

  test('where all ports are in use nobody is told so: it is one more that was not reached', () => {
    const { tried } = both({ transfersMax: 1 });
    const first = requested(tried.receive(peer('10.0.0.1'), rrq(list), 0));
    // A flood pushes out itself …
    const second = tried.receive(peer('10.0.0.2'), rrq(list), 1);
    expect(shown(second)).toEqual(['ended', 'unreached', 'resolve']);
    expect(second[1]).toMatchObject({ peer: first.peer });
    // … and nobody who acknowledged.
    const transfer = requested(second);
    tried.open(transfer, 600, 'trust-list', 1);
    tried.receiveAtTransferPort(transfer, transfer.peer, encodeAck(1), 2);
    expect(shown(tried.receive(peer('10.0.0.3'), rrq(list), 3))).toEqual(['unreached']);
    expect(shown(tried.receiveAtTransferPort(transfer, transfer.peer, encodeAck(2), 4))).toEqual([
      'file-served',
      'ended',
    ]);
  });

  test('a link-local address, whose zone has two spellings, stays at the single port', () => {
    const { single } = both();
    expect(shown(asked(single, peer('fe80::1%2'), list, 0))).toEqual(['data 1+1']);
    expect(shown(asked(single, peer('fd00::1'), list, 0))).toEqual(['hand-over', 'ended']);
  });
});

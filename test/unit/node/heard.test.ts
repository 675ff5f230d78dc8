/** What of the edge's events reaches the book of beliefs, and how much each is believed. */
import { describe, expect, test } from 'vitest';
import { heardPerMessageMax, heardWaitingMax } from '../../../src/base/limits.ts';
import type { Event } from '../../../src/base/events.ts';
import { createHeardBundler, type Heard } from '../../../src/node/heard.ts';

const config = 'SEP001122334455.cnf.xml.sgn';
const marker = 'FP01234567-89ab-cdef-0123-456789abcdef.xml.sgn';

function told(events: readonly Event[]): readonly Heard[] {
  const heard: Heard[] = [];
  const bundler = createHeardBundler((bundle) => heard.push(bundle));
  for (const event of events) bundler.sink(event);
  bundler.close();
  return heard;
}

function served(name: string, transport: 'tftp' | 'http' | 'https' = 'tftp'): Event {
  return {
    type: 'file-served',
    transport,
    address: '10.0.0.1',
    name,
    bytes: 9,
    durationMs: 5,
    retransmits: 0,
    by: 'signed',
  };
}

function missed(name: string, transport: 'tftp' | 'http' = 'tftp'): Event {
  const why = { outcome: 'not-found', reason: 'not found', quiet: true } as const;
  return { type: 'file-not-served', transport, address: '10.0.0.1', name, ...why };
}

function ended(name: string, allSent: boolean): Event {
  const why = { outcome: 'timed-out', reason: 'no acknowledgement' } as const;
  return {
    type: 'transfer-ended',
    address: '10.0.0.1',
    name,
    ...why,
    ...(allSent && { allSent }),
  };
}

function only(event: Event) {
  return told([event])[0]?.seen[0];
}

function servedFromOwnPort(name: string): Event {
  return { ...served(name), ownPort: true } as Event;
}

describe('what the edge tells of phones', () => {
  test('a whole file is proved by TCP and by a transfer port, not by the port that everybody knows', () => {
    expect(only(served(config))).toEqual({
      kind: 'delivered',
      name: config,
      address: '10.0.0.1',
      transport: 'tftp',
      proved: false,
      durationMs: 5,
    });
    expect(only(servedFromOwnPort(config))).toMatchObject({ kind: 'delivered', proved: true });
    expect(only(served(config, 'http'))).toMatchObject({ proved: true });
    expect(only(served(config, 'https'))).toMatchObject({ proved: true });
  });

  test('a miss over TFTP is never proved: it answers whoever wrote the source address', () => {
    expect(only(missed(config))).toMatchObject({ kind: 'asked', proved: false });
    expect(only(missed(config, 'http'))).toMatchObject({ kind: 'asked', proved: true });
  });

  test('a marker counts like a configuration: served from a transfer port it is proved', () => {
    expect(only(servedFromOwnPort(marker))).toMatchObject({ kind: 'delivered', name: marker, proved: true });
    expect(only(served(marker))).toMatchObject({ proved: false });
  });

  test('a part of a file is no delivery', () => {
    expect(only({ ...served(config, 'http'), part: true } as Event)).toMatchObject({ kind: 'asked' });
  });

  test('of a transfer that lost its last acknowledgement the phone may have the whole, and nothing is proved', () => {
    expect(only(ended('ITLFile.tlv', true))).toMatchObject({ kind: 'delivered', proved: false });
    expect(only(ended('ITLFile.tlv', false))).toMatchObject({ kind: 'asked', proved: false });
  });

  test.each(['Ringlist.xml', 'FeaturePolicy.xml', 'P003-8-12-00.loads', '../x'])(
    '%s says nothing of lists',
    (name) => {
      expect(told([served(name), missed(name), ended(name, true)])).toEqual([]);
    },
  );

  test('it travels in bundles of a bounded size', () => {
    const many = Array.from({ length: heardPerMessageMax + 1 }, () => served(config));
    expect(told(many).map(({ seen, lostCount }) => [seen.length, lostCount])).toEqual([
      [heardPerMessageMax, false],
      [1, false],
    ]);
  });

  test('who hears more than it can tell says so, once', () => {
    const many = Array.from({ length: heardWaitingMax + 5 }, () => served(config));
    const bundles = told(many);
    expect(bundles.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(heardWaitingMax);
    expect(bundles.map(({ lostCount }) => lostCount)).toEqual([
      true,
      ...Array.from({ length: bundles.length - 1 }, () => false),
    ]);
  });
});

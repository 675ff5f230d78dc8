import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressHealth } from '../../../../src/core/cluster/health.ts';
import { NewNames } from '../../../../src/core/cluster/kindness.ts';
import { remoteFirstAnswerMs, remoteRestMs } from '../../../../src/base/limits.ts';

describe('health of an address', () => {
  it('rests after two requests without a word, then lets one try', () => {
    const health = new AddressHealth();
    expect([health.ask(0), health.ask(0), health.ask(0)]).toEqual([true, true, false]);
    health.failed(800);
    expect(health.ask(800)).toBe(false);
    health.failed(800);
    expect(health.state(801)).toBe('resting');
    expect(health.ask(800 + remoteRestMs - 1)).toBe(false);
    expect([health.ask(800 + remoteRestMs), health.ask(800 + remoteRestMs)]).toEqual([true, false]);
    health.answered();
    expect(health.state(40_000)).toBe('well');
    expect([health.ask(0), health.ask(0), health.ask(0)]).toEqual([true, true, true]);
  });

  it('one failure after many answers does not close the door', () => {
    const health = new AddressHealth();
    health.ask(0);
    health.answered();
    health.ask(10);
    health.failed(810);
    expect(health.state(811)).toBe('doubtful');
    expect(health.ask(811)).toBe(true);
    health.answered();
    expect(health.state(900)).toBe('well');
  });

  it('an abandoned request says nothing', () => {
    const health = new AddressHealth();
    for (let i = 0; i < 10; i++) {
      expect(health.ask(i)).toBe(true);
      health.abandoned();
    }
    expect(health.state(10)).toBe('unproven');
  });

  it('a dead address costs at most two requests in any 30 s, whenever they come and however long they wait', () => {
    const asks = fc.array(fc.tuple(fc.nat(2_000), fc.nat(remoteFirstAnswerMs)), {
      minLength: 1,
      maxLength: 400,
    });
    fc.assert(
      fc.property(asks, (gaps) => {
        const health = new AddressHealth();
        const begun: number[] = [];
        let ends: number[] = [];
        let now = 0;
        for (const [gap, wait] of gaps) {
          now += gap;
          for (const end of ends.filter((at) => at <= now).sort((a, b) => a - b)) health.failed(end);
          ends = ends.filter((at) => at > now);
          if (!health.ask(now)) continue;
          begun.push(now);
          ends.push(now + wait);
        }
        for (const at of begun)
          expect(
            begun.filter((other) => other >= at && other < at + remoteRestMs).length,
          ).toBeLessThanOrEqual(2);
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('new names', () => {
  it('two a second from one /24, twenty in all', () => {
    const names = new NewNames();
    const taken = (address: string, nowMs: number): number => {
      let count = 0;
      while (count < 100 && names.take(address, nowMs)) count++;
      return count;
    };
    expect(taken('192.0.2.1', 0)).toBe(2);
    expect(taken('192.0.2.250', 0)).toBe(0);
    expect(taken('192.0.3.1', 0)).toBe(2);
    expect(taken('192.0.2.1', 1_000)).toBe(2);
    let all = 0;
    for (let site = 0; site < 50; site++) all += taken(`10.0.${site}.1`, 10_000);
    expect(all).toBe(20);
    expect(taken('2001:db8::1', 12_000)).toBe(2);
    expect(taken('2001:db8:0:ff::1', 12_000)).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { configGoneMs } from '../../../../src/base/limits.ts';
import type { SettledHome } from '../../../../src/core/cluster/home.ts';
import { OriginMemory } from '../../../../src/core/cluster/origin-memory.ts';

const device = 'SEP001122334455';
const hq: SettledHome = { kind: 'remote', cluster: 'hq' };
const branch: SettledHome = { kind: 'remote', cluster: 'branch' };

describe('homes that outlive a restart', () => {
  it('what was just learnt is not taken back by an older row, and the row rules again once it is written', () => {
    const memory = new OriginMemory();
    memory.told(device, branch, 1_000);
    memory.remember(device, hq, 5_000, true);
    memory.told(device, branch, 1_000);
    expect(memory.homes.get(device)).toEqual({ home: hq, confirmedMs: 5_000 });
    expect(memory.takeUnsaved()).toEqual([{ device, home: hq, confirmedMs: 5_000 }]);
    memory.told(device, branch, 9_000);
    expect(memory.homes.get(device)).toEqual({ home: branch, confirmedMs: 9_000 });
  });

  it('what is read from the database, and a device that lives here, is not written again', () => {
    const memory = new OriginMemory();
    memory.remember(device, hq, 1_000, false);
    memory.remember('SEP001122334456', { kind: 'here' }, 1_000, true);
    expect(memory.takeUnsaved()).toEqual([]);
  });

  it('a confirmation is written again after five minutes, another home at once', () => {
    const memory = new OriginMemory();
    const minutes = 60_000;
    memory.remember(device, hq, 0, true);
    expect(memory.takeUnsaved()).toHaveLength(1);
    memory.remember(device, hq, 5 * minutes, true);
    expect(memory.takeUnsaved()).toHaveLength(0);
    memory.remember(device, branch, 5 * minutes, true);
    expect(memory.takeUnsaved()).toHaveLength(1);
    memory.remember(device, branch, 10 * minutes + 1, true);
    expect(memory.takeUnsaved()).toHaveLength(1);
  });
});

describe('a configuration that its home says is not there', () => {
  it('is going for a moment, as while a cluster deletes a device, and then gone', () => {
    const memory = new OriginMemory();
    const name = `${device}.cnf.xml.sgn`;
    expect(memory.isConfigGoing(name, 'hq', 0)).toBe(false);
    memory.configGiven(name, 'hq');
    expect(memory.isConfigGoing(name, 'branch', 0)).toBe(false);
    expect(memory.isConfigGoing(name, 'hq', 1_000)).toBe(true);
    expect(memory.isConfigGoing(name, 'hq', 1_000 + configGoneMs - 1)).toBe(true);
    expect(memory.isConfigGoing(name, 'hq', 1_000 + configGoneMs)).toBe(false);
  });

  it('given again, it begins anew', () => {
    const memory = new OriginMemory();
    memory.configGiven(device, 'hq');
    expect(memory.isConfigGoing(device, 'hq', 0)).toBe(true);
    memory.configGiven(device, 'hq');
    expect(memory.isConfigGoing(device, 'hq', configGoneMs)).toBe(true);
  });
});

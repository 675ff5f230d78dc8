import { describe, expect, it } from 'vitest';
import {
  sourceAskedMs,
  sourceDevicesAskedMax,
  sourceDevicesMax,
  sourceRememberedMs,
  sourcesAskedDevicesMax,
  sourcesRememberedMax,
} from '../../../../src/base/limits.ts';
import { proofOf, SourceMemory } from '../../../../src/core/cluster/source-memory.ts';

const address = '10.0.0.1';

describe('who is behind an address (design.md §3)', () => {
  it('nobody is, before somebody asked', () => {
    expect(new SourceMemory().candidates(address, 0)).toEqual({ devices: [], more: false, moreAsked: false });
  });

  it('a weaker act never weakens or shortens a stronger one', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEP1', 'proved', 0);
    memory.note(address, 'SEP1', 'weak', 1_000);
    memory.note(address, 'SEP1', 'asked', 2_000);
    expect(memory.candidates(address, sourceRememberedMs - 1).devices).toEqual([
      { device: 'SEP1', proof: 'proved' },
    ]);
    expect(memory.candidates(address, sourceRememberedMs).devices).toEqual([
      { device: 'SEP1', proof: 'weak' },
    ]);
    expect(memory.candidates(address, sourceRememberedMs + 1_000).devices).toEqual([]);
  });

  it('who only asked leaves after a boot', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEP1', 'asked', 0);
    expect(memory.candidates(address, sourceAskedMs - 1).devices).toHaveLength(1);
    expect(memory.candidates(address, sourceAskedMs).devices).toHaveLength(0);
  });

  it('a flood of requests at an address pushes out nobody who did more, and the overflow is told for a boot', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEPreal', 'weak', 0);
    for (let i = 0; i < 3 * sourceDevicesAskedMax; i++) memory.note(address, `SEP${i}`, 'asked', 1);
    memory.note(address, 'SEPlate', 'proved', 2);
    const { devices, more, moreAsked } = memory.candidates(address, 3);
    expect(devices).toHaveLength(2 + sourceDevicesAskedMax);
    expect(devices).toContainEqual({ device: 'SEPreal', proof: 'weak' });
    expect(devices).toContainEqual({ device: 'SEPlate', proof: 'proved' });
    expect([more, moreAsked]).toEqual([false, true]);
    expect(memory.candidates(address, 1 + sourceAskedMs).moreAsked).toBe(false);
  });

  it('requests from a million addresses push out no address where something was completed', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEPreal', 'weak', 0);
    for (let i = 0; i < 4 * sourcesRememberedMax; i++) memory.note(`10.${i}`, `SEP${i}`, 'asked', i);
    expect(memory.candidates(address, 1_000).devices).toEqual([{ device: 'SEPreal', proof: 'weak' }]);
  });

  it('a request that had to be forgotten early counts as made by somebody, at every address', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEPasked', 'asked', 0);
    for (let i = 0; i < 2 * sourcesAskedDevicesMax; i++) memory.note(`10.${i}`, `SEP${i}`, 'asked', 1);
    expect(memory.candidates(address, 2)).toEqual({ devices: [], more: false, moreAsked: true });
    expect(memory.candidates('10.0.0.2', 2).moreAsked).toBe(true);
    expect(memory.candidates(address, 1 + sourceAskedMs).moreAsked).toBe(false);
  });

  it('more devices that completed something than are told apart are said', () => {
    const memory = new SourceMemory();
    for (let i = 0; i <= sourceDevicesMax; i++) memory.note(address, `SEP${i}`, 'weak', 0);
    expect(memory.candidates(address, 1)).toMatchObject({ more: true, moreAsked: false });
    memory.note(address, 'SEPlater', 'weak', sourceRememberedMs);
    expect(memory.candidates(address, sourceRememberedMs).devices).toEqual([
      { device: 'SEPlater', proof: 'weak' },
    ]);
  });

  it('another address is somebody else', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEP1', 'proved', 0);
    expect(memory.candidates('10.0.0.2', 0).devices).toEqual([]);
  });

  it('only the single port is weak', () => {
    expect([proofOf('tcp'), proofOf('transfer-port'), proofOf('single-port')]).toEqual([
      'proved',
      'proved',
      'weak',
    ]);
  });
});

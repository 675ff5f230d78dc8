import { describe, expect, it } from 'vitest';
import { sourceAskedMs, sourceDevicesMax, sourceRememberedMs } from '../../../../src/base/limits.ts';
import { proofOf, SourceMemory } from '../../../../src/core/cluster/source-memory.ts';

const address = '10.0.0.1';

describe('who is behind an address (design.md §3)', () => {
  it('nobody is, before somebody asked', () => {
    expect(new SourceMemory().candidates(address, 0)).toEqual({ devices: [], more: false });
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

  it('a flood of requests pushes out nobody who did more, and the overflow is told', () => {
    const memory = new SourceMemory();
    memory.note(address, 'SEPreal', 'weak', 0);
    for (let i = 0; i < 3 * sourceDevicesMax; i++) memory.note(address, `SEP${i}`, 'asked', 1);
    memory.note(address, 'SEPlate', 'proved', 2);
    const { devices, more } = memory.candidates(address, 3);
    expect(devices).toHaveLength(sourceDevicesMax);
    expect(devices).toContainEqual({ device: 'SEPreal', proof: 'weak' });
    expect(devices).toContainEqual({ device: 'SEPlate', proof: 'proved' });
    expect(more).toBe(true);
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

import { describe, expect, it } from 'vitest';
import { remoteProbeEveryMs, remoteProbeUncoveredEveryMs } from '../../../../src/base/limits.ts';
import type { Evidence } from '../../../../src/core/cluster/evidence.ts';
import { isProbeDue, trustChangedMs } from '../../../../src/core/cluster/probe-due.ts';
import type { RemoteCluster } from '../../../../src/core/cluster/remote.ts';

const signer = 'a'.repeat(64);
const server = '10.0.0.1:69';
const probedMs = 10_000_000;
const remote: RemoteCluster = {
  id: 'alpha',
  servers: [
    {
      tftp: { address: '10.0.0.1', port: 69 },
      http: undefined,
      tvs: { address: '10.0.0.1', port: 2445 },
    },
  ],
  secure: true,
  pin: { fingerprint: 'b'.repeat(64), pinnedMs: 0 },
  common: 'auto',
  verify: undefined,
  asks: [],
  addedMs: 0,
};
const evidence: Evidence = {
  cluster: 'alpha',
  server,
  signer,
  seenMs: probedMs,
  ctl: 'names',
  itl: 'silent',
  tvs: 'vouches',
};
const probe = { cluster: 'alpha', server, probedMs, frozen: undefined, evidence: [evidence] };
const silent = { ...probe, evidence: [{ ...evidence, ctl: 'silent', tvs: 'refuses' }] as const };
const due = (probes: Parameters<typeof isProbeDue>[1], afterMs: number, changedMs = 0): boolean =>
  isProbeDue(remote, probes, { signers: [signer], changedMs, nowMs: probedMs + afterMs });

describe('a server is asked again', () => {
  it('when it never was, and when evidence grows old', () => {
    expect(due([], 0)).toBe(true);
    expect(due([{ ...probe, server: '10.0.0.2:69' }], 0)).toBe(true);
    expect(due([{ ...probe, cluster: 'beta' }], 0)).toBe(true);
    expect(due([probe], remoteProbeEveryMs - 1)).toBe(false);
    expect(due([probe], remoteProbeEveryMs)).toBe(true);
  });

  it('sooner where the last word was no: an import over there says nothing to us', () => {
    expect(due([silent], remoteProbeUncoveredEveryMs - 1)).toBe(false);
    expect(due([silent], remoteProbeUncoveredEveryMs)).toBe(true);
    expect(due([{ ...probe, evidence: [] }], remoteProbeUncoveredEveryMs)).toBe(true);
  });

  it('at once after an import or a publication here, and for another signer', () => {
    expect(due([probe], 2, probedMs + 1)).toBe(true);
    expect(due([probe], 2, probedMs)).toBe(false);
    const other = 'c'.repeat(64);
    expect(due([{ ...probe, evidence: [{ ...evidence, signer: other }] }], 0)).toBe(true);
    const moment = { signers: [signer, other], changedMs: 0, nowMs: probedMs };
    expect(isProbeDue(remote, [probe], moment)).toBe(true);
    expect(
      isProbeDue(remote, [{ ...probe, evidence: [evidence, { ...evidence, signer: other }] }], moment),
    ).toBe(false);
  });

  it('not for what a clock that was ahead wrote, nor more often while it is frozen', () => {
    expect(due([probe], 2, probedMs + 3)).toBe(false);
    expect(due([{ ...silent, frozen: 'a rollback' }], remoteProbeUncoveredEveryMs)).toBe(false);
    expect(due([{ ...silent, frozen: 'a rollback' }], remoteProbeEveryMs)).toBe(true);
  });

  it('never without a pin: what it says is no evidence', () => {
    expect(isProbeDue({ ...remote, pin: undefined }, [], { signers: [signer], changedMs: 0, nowMs: 0 })).toBe(
      false,
    );
  });
});

it('what happened here: imports and retirements, not what a person trusted; publications', () => {
  const landed = { cluster: 'hub', purpose: 'proxy', untilMs: undefined } as const;
  expect(trustChangedMs([], [])).toBe(0);
  expect(trustChangedMs([{ landed: undefined, addedMs: 9, retiredMs: undefined }], [])).toBe(0);
  expect(trustChangedMs([{ landed, addedMs: 9, retiredMs: undefined }], [{ publishedMs: 7 }])).toBe(9);
  expect(trustChangedMs([{ landed, addedMs: 9, retiredMs: 11 }], [{ publishedMs: 7 }])).toBe(11);
  expect(trustChangedMs([], [{ publishedMs: 7 }, { publishedMs: 8 }])).toBe(8);
});

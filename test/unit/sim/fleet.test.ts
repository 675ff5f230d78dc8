/** A fleet of phones that remember, without sockets: who is off, who misbehaves, who shares an address, who asks a TVS. */
import { describe, expect, test } from 'vitest';
import type { FetchAnswer } from '../../../src/core/phone/phone.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { bootFleet, percentile, type FleetOptions, type FleetReport } from '../../../src/sim/fleet.ts';
import { a, b, itlOf, type TestCluster } from '../../helpers/clusters.ts';
import { now, signBytes } from '../../helpers/trust-builder.ts';

const crypto = createVerifier();

function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `SEP00112200${at.toString().padStart(4, '0')}`);
}

/** One signature for all: nobody looks at the name that it stands under but the phone that asks for it. */
const signed = new Map<string, Uint8Array>();
const itls = new Map([a, b].map((cluster) => [cluster, itlOf(cluster)]));

function filesOf(cluster: TestCluster, name: string): FetchAnswer {
  if (name === 'ITLFile.tlv') return { kind: 'bytes', bytes: itls.get(cluster) ?? itlOf(cluster) };
  if (!/^SEP[0-9]{12}\.cnf\.xml\.sgn$/.test(name)) return { kind: 'not-found' };
  const key = `${name} ${cluster === a ? 'a' : 'b'}`;
  const content = Buffer.from('<device/>');
  const bytes = signed.get(key) ?? signBytes({ by: cluster.callmanager, as: name, content });
  signed.set(key, bytes);
  return { kind: 'bytes', bytes };
}

function fleet(more: Partial<FleetOptions> & { readonly count: number }): Promise<FleetReport> {
  let clock = 0;
  return bootFleet({
    crypto,
    names: namesOf(more.count),
    rounds: 1,
    away: 0,
    awayRoundsMax: 1,
    misbehave: 0,
    perAddress: 1,
    concurrency: 4,
    stormMs: undefined,
    seed: 1,
    fetch: (name) => Promise.resolve(filesOf(a, name)),
    askTvs: undefined,
    nowSeconds: () => now,
    nowMs: () => (clock += 1),
    wait: () => Promise.resolve(),
    onBoot: () => undefined,
    ...more,
  });
}

test('all of them believe what their cluster serves, boot after boot', async () => {
  const seen: number[] = [];
  const report = await fleet({ count: 5, rounds: 3, onBoot: ({ boots }) => seen.push(boots) });
  expect(report).toMatchObject({ phones: 5, boots: 15, accepted: 15, refused: 0, missing: 0, away: 0 });
  expect(seen).toEqual(Array.from({ length: 15 }, (_, at) => at + 1));
  expect(report.firstFileMs).toHaveLength(15);
  expect(report.roundMs).toHaveLength(3);
});

describe('phones that are off', () => {
  test('miss rounds one after the other, and come back with what they held', async () => {
    const report = await fleet({ count: 24, rounds: 10, away: 0.3, awayRoundsMax: 4 });
    expect(report.boots + report.away).toBe(24 * 10);
    expect(report.away / (24 * 10)).toBeGreaterThan(0.2);
    expect(report.away / (24 * 10)).toBeLessThan(0.4);
    expect(report.returned).toBeGreaterThan(10);
    // Spans that touch become one.
    expect(report.longestAwayRounds).toBeGreaterThanOrEqual(4);
    expect(report).toMatchObject({ refused: 0, missing: 0, accepted: report.boots });
  });

  test('meet later what they missed: who was there for the change is refused nothing', async () => {
    let round = 0;
    // The first round is cluster A's; B's lists and files come while some are off.
    const report = await fleet({
      count: 20,
      rounds: 2,
      away: 0.4,
      nowSeconds: () => now,
      fetch: (name) => Promise.resolve(filesOf(round === 0 ? a : b, name)),
      onBoot: ({ boots, away }) => {
        if (boots + away >= 20) round = 1;
      },
    });
    // Those that were off in the first round are from the factory and take B's; the others refuse it.
    expect(report.returned).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(0);
    expect(report.refusing.size).toBe(report.refused);
    expect(report.boots).toBe(report.accepted + report.refused);
  });

  test('all of them, all the time, boot never', async () => {
    expect(await fleet({ count: 3, rounds: 2, away: 1 })).toMatchObject({ boots: 0, away: 6, requests: 0 });
  });
});

test('who misbehaves boots twice, gives up half-way or forgets; nobody is refused for it', async () => {
  const report = await fleet({ count: 30, rounds: 2, misbehave: 0.5 });
  expect(report.misbehaved).toBeGreaterThan(15);
  // Twice is more boots than phones; half-way is something missed.
  expect(report.boots).toBeGreaterThan(60);
  expect(report.missing).toBeGreaterThan(2);
  expect(report).toMatchObject({ refused: 0, accepted: report.boots - report.missing });
});

test('phones behind one address ask from it, each fleet address its own number', async () => {
  const byAddress = new Map<number, Set<string>>();
  await fleet({
    count: 7,
    perAddress: 3,
    fetch: (name, address) => {
      const device = /SEP[0-9]{12}/.exec(name)?.[0];
      if (device !== undefined) byAddress.set(address, (byAddress.get(address) ?? new Set()).add(device));
      return Promise.resolve(filesOf(a, name));
    },
  });
  expect([0, 1, 2, 3].map((address) => byAddress.get(address)?.size)).toEqual([3, 3, 1, undefined]);
});

describe('a TVS', () => {
  // Phones hold A's lists; the round after, B's CallManager signs their files.
  const moved = async (askTvs: FleetOptions['askTvs']): Promise<FleetReport> => {
    let boots = 0;
    return fleet({
      count: 4,
      rounds: 2,
      fetch: (name) => Promise.resolve(filesOf(boots < 4 || name === 'ITLFile.tlv' ? a : b, name)),
      onBoot: () => (boots += 1),
      askTvs,
    });
  };
  const server = Uint8Array.from(a.tvs.der);
  const certificate = Uint8Array.from(b.callmanager.der);

  test('that vouches is believed, and asked in the name of the phone', async () => {
    const asked: string[] = [];
    const report = await moved((device) => {
      asked.push(device);
      return Promise.resolve({ kind: 'vouched', server, certificate, roles: ['TFTP'] });
    });
    expect(report).toMatchObject({ refused: 0, accepted: 8, tvsQueries: 4, tvsFailed: 0 });
    expect(asked.toSorted()).toEqual(namesOf(4));
  });

  test('that says no, or nothing, leaves the file refused', async () => {
    const no = await moved(() => Promise.resolve({ kind: 'refused', server }));
    expect(no).toMatchObject({ refused: 4, tvsQueries: 4, tvsFailed: 0 });
    const silent = await moved(() => Promise.resolve({ kind: 'unreachable' }));
    expect(silent).toMatchObject({ refused: 4, tvsQueries: 4, tvsFailed: 4 });
    expect(await moved(undefined)).toMatchObject({ refused: 4, tvsQueries: 0 });
  });
});

describe('a storm', () => {
  /** A clock that moves when somebody waits. */
  const storm = async (concurrency: number) => {
    let clockMs = 0;
    const waited: number[] = [];
    let [running, most] = [0, 0];
    const report = await fleet({
      count: 50,
      stormMs: 10_000,
      concurrency,
      nowMs: () => clockMs,
      wait: async (ms) => {
        waited.push(ms);
        clockMs += ms;
        await Promise.resolve();
      },
      fetch: async (name) => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        clockMs += 100;
        return filesOf(a, name);
      },
    });
    return { report, waited, most };
  };

  test('is spread over its seconds, each phone at its own moment', async () => {
    const { report, waited } = await storm(1);
    expect(report.accepted).toBe(50);
    // One at a time takes longer than the storm: those behind wait for nothing, and their wait counts.
    expect(waited.length).toBeLessThan(50);
    expect(percentile(report.firstFileMs, 0.99)).toBeGreaterThan(5_000);
    expect(report.roundMs[0]).toBeGreaterThan(10_000);
  });

  test('waits for no other phone where nobody says so', async () => {
    const { most } = await storm(50);
    expect(most).toBeGreaterThan(1);
  });
});

test('the same seed gives the same run, another one another', async () => {
  const run = async (seed: number) => {
    const { boots, away, misbehaved, returned } = await fleet({
      count: 12,
      rounds: 4,
      away: 0.2,
      awayRoundsMax: 3,
      misbehave: 0.2,
      seed,
    });
    return { boots, away, misbehaved, returned };
  };
  expect(await run(7)).toEqual(await run(7));
  expect(await run(7)).not.toEqual(await run(8));
});

test('requests without an answer are counted, and leave phones without what they need', async () => {
  const report = await fleet({
    count: 3,
    fetch: () => Promise.resolve({ kind: 'failed', reason: 'no answer' }),
  });
  expect(report).toMatchObject({ accepted: 0, refused: 0, missing: 3, failed: report.requests });
});

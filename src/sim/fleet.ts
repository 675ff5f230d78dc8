/**
 * Many simulated phones against one node: each remembers what it took, some are off for a while, some sit behind one
 * address, some misbehave as phones in the field do (they boot twice, give up half-way, forget their lists). They boot a
 * few at a time, or all of them as after a power cut. Sockets, clock and waiting come in as functions; who boots when is
 * decided by a seed, so that a run can be repeated.
 */
import { newPhone, type PhoneState } from '../core/phone/phone-state.ts';
import type { FetchAnswer, TvsSigner } from '../core/phone/phone.ts';
import type { Crypto } from '../core/ports.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { bootPhone } from './boot-phone.ts';
import { seeded } from './seeded.ts';

export interface FleetOptions {
  readonly crypto: Crypto;
  readonly names: readonly string[];
  /** How often each phone boots. */
  readonly rounds: number;
  /** Share of phones that are off in a round, 0 to 1, on the average of many rounds. */
  readonly away: number;
  /** A phone that goes off stays so for 1 to this many rounds. */
  readonly awayRoundsMax: number;
  /** Share of boots that misbehave. */
  readonly misbehave: number;
  /** Phones that share one address. */
  readonly perAddress: number;
  /** Boots at once. */
  readonly concurrency: number;
  /** The phones of a round are switched on within so long, whatever the server bears; undefined: as others are done. */
  readonly stormMs: number | undefined;
  readonly seed: number;
  /** `address`: which of the fleet's addresses asks, from 0. */
  readonly fetch: (name: string, address: number) => Promise<FetchAnswer>;
  /** Undefined: there is no TVS to reach. */
  readonly askTvs: ((device: string, signer: TvsSigner) => Promise<TvsAnswer>) | undefined;
  readonly nowSeconds: () => number;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly onBoot: (report: FleetReport) => void;
}

export interface FleetReport {
  readonly phones: number;
  boots: number;
  accepted: number;
  /** Something that was served was not believed. */
  refused: number;
  /** Nothing was refused, and something needed was not there. */
  missing: number;
  /** Phones that were off, of every round. */
  away: number;
  /** Boots of phones that had been off for a round or more. */
  returned: number;
  /** Rounds that one of these had missed, at most. */
  longestAwayRounds: number;
  misbehaved: number;
  /** Requests that got no answer. */
  failed: number;
  requests: number;
  tvsQueries: number;
  /** Queries that a TVS did not answer. */
  tvsFailed: number;
  /**
   * Milliseconds from the moment at which a phone was switched on to the answer to its first request, of every boot. In
   * a storm a phone that waits for its turn is switched on already.
   */
  readonly firstFileMs: number[];
  /** From the first phone of a round to the last one that was done. */
  readonly roundMs: number[];
  /** Names of phones that refused something in their last boot. */
  readonly refusing: Set<string>;
}

export async function bootFleet(options: FleetOptions): Promise<FleetReport> {
  const random = seeded(options.seed);
  const states = new Map<string, PhoneState>();
  const report = newReport(options.names.length);
  const off = options.names.map(() => ({ rounds: 0, untilRound: 0 }));
  const goesOff = shareGoingOff(options);
  for (let round = 0; round < options.rounds; round++) {
    // Who is off and who misbehaves is drawn in one order, whatever the sockets do.
    const waiting = options.names.flatMap((name, at): readonly Boot[] => {
      const span = off[at] ?? { rounds: 0, untilRound: 0 };
      const [leaves, misbehaves, moment] = [random() < goesOff, random() < options.misbehave, random()];
      if (leaves && round >= span.untilRound)
        span.untilRound = round + 1 + Math.floor(random() * options.awayRoundsMax);
      const how = misbehaves ? misbehaviours[Math.floor(random() * misbehaviours.length)] : undefined;
      const missed = span.rounds;
      span.rounds = round < span.untilRound ? missed + 1 : 0;
      if (span.rounds > 0) report.away += 1;
      const address = Math.floor(at / options.perAddress);
      return span.rounds > 0 ? [] : [{ name, address, how, missed, moment }];
    });
    const startMs = options.nowMs();
    await bootAll(options, states, report, waiting, startMs);
    report.roundMs.push(options.nowMs() - startMs);
  }
  return report;
}

/** So many of those that are on go off in a round that the share of those that are off is as it was said. */
function shareGoingOff({ away, awayRoundsMax }: FleetOptions): number {
  const meanRounds = (1 + awayRoundsMax) / 2;
  return away / (meanRounds - away * (meanRounds - 1));
}

async function bootAll(
  options: FleetOptions,
  states: Map<string, PhoneState>,
  report: FleetReport,
  boots: readonly Boot[],
  startMs: number,
): Promise<void> {
  const { stormMs, nowMs } = options;
  const waiting = stormMs === undefined ? [...boots] : boots.toSorted((a, b) => a.moment - b.moment);
  const line = async (): Promise<void> => {
    for (let boot = waiting.shift(); boot !== undefined; boot = waiting.shift()) {
      const dueMs = stormMs === undefined ? nowMs() : startMs + boot.moment * stormMs;
      if (dueMs > nowMs()) await options.wait(dueMs - nowMs());
      await bootOne(options, states, report, boot, dueMs);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, line));
}

/** Gives up after two files; boots again at once; was reset to its factory state. */
const misbehaviours = ['gives-up', 'twice', 'forgets'] as const;

interface Boot {
  readonly name: string;
  readonly address: number;
  readonly how: (typeof misbehaviours)[number] | undefined;
  /** Rounds that it was off for. */
  readonly missed: number;
  /** When in a storm, 0 to 1. */
  readonly moment: number;
}

async function bootOne(
  options: FleetOptions,
  states: Map<string, PhoneState>,
  report: FleetReport,
  { name, address, how, missed }: Boot,
  dueMs: number,
): Promise<void> {
  if (how !== undefined) report.misbehaved += 1;
  if (missed > 0) report.returned += 1;
  report.longestAwayRounds = Math.max(report.longestAwayRounds, missed);
  const times = how === 'twice' ? 2 : 1;
  for (let time = 0; time < times; time++) {
    const state = how === 'forgets' ? newPhone(name) : (states.get(name) ?? newPhone(name));
    const onMs = time === 0 ? dueMs : options.nowMs();
    let asked = 0;
    const fetch = async (file: string): Promise<FetchAnswer> => {
      if (how === 'gives-up' && asked >= 2) return { kind: 'failed', reason: 'the phone was switched off' };
      const answer = await options.fetch(file, address);
      asked += 1;
      report.requests += 1;
      if (asked === 1) report.firstFileMs.push(options.nowMs() - onMs);
      if (answer.kind === 'failed') report.failed += 1;
      return answer;
    };
    const { ok, refused, ...booted } = await bootPhone({
      crypto: options.crypto,
      state,
      fetch,
      askTvs: options.askTvs && ((signer) => askTvs(options, report, name, signer)),
      nowSeconds: options.nowSeconds,
      report: () => undefined,
    });
    states.set(name, booted.state);
    report.boots += 1;
    if (ok) report.accepted += 1;
    else if (refused.length > 0) report.refused += 1;
    else report.missing += 1;
    if (refused.length > 0) report.refusing.add(name);
    else report.refusing.delete(name);
    options.onBoot(report);
  }
}

async function askTvs(
  options: FleetOptions,
  report: FleetReport,
  device: string,
  signer: TvsSigner,
): Promise<TvsAnswer> {
  const answer = (await options.askTvs?.(device, signer)) ?? { kind: 'unreachable' };
  report.tvsQueries += 1;
  if (answer.kind === 'unreachable') report.tvsFailed += 1;
  return answer;
}

function newReport(phones: number): FleetReport {
  return {
    phones,
    boots: 0,
    accepted: 0,
    refused: 0,
    missing: 0,
    away: 0,
    returned: 0,
    longestAwayRounds: 0,
    misbehaved: 0,
    failed: 0,
    requests: 0,
    tvsQueries: 0,
    tvsFailed: 0,
    firstFileMs: [],
    roundMs: [],
    refusing: new Set(),
  };
}

/** The value below which a share of the times lie; 0 when there are none. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

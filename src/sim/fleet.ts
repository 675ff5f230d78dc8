/**
 * Many simulated phones against one node: each remembers what it took, some are away for a while, some sit behind one
 * address, some misbehave as phones in the field do (they boot twice, give up half-way, forget their lists). Sockets
 * come in as functions; who boots when is decided by a seed, so that a run can be repeated.
 */
import { newPhone, type PhoneState } from '../core/phone/phone-state.ts';
import type { FetchAnswer } from '../core/phone/phone.ts';
import type { Crypto } from '../core/ports.ts';
import { bootPhone } from './boot-phone.ts';
import { seeded } from './seeded.ts';

export interface FleetOptions {
  readonly crypto: Crypto;
  readonly names: readonly string[];
  /** How often each phone boots. */
  readonly rounds: number;
  /** Share of phones that are away in a round, 0 to 1. */
  readonly away: number;
  /** Share of boots that misbehave. */
  readonly misbehave: number;
  /** Phones that share one address. */
  readonly perAddress: number;
  /** Boots at once. */
  readonly concurrency: number;
  readonly seed: number;
  /** `address`: which of the fleet's addresses asks, from 0. */
  readonly fetch: (name: string, address: number) => Promise<FetchAnswer>;
  readonly nowSeconds: () => number;
  /** Monotonic. */
  readonly nowMs: () => number;
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
  away: number;
  misbehaved: number;
  /** Requests that got no answer. */
  failed: number;
  requests: number;
  /** Milliseconds from the request for the first file to its answer, of every boot. */
  readonly firstFileMs: number[];
  /** Names of phones that refused something in their last boot. */
  readonly refusing: Set<string>;
}

export async function bootFleet(options: FleetOptions): Promise<FleetReport> {
  const random = seeded(options.seed);
  const states = new Map<string, PhoneState>();
  const report = newReport(options.names.length);
  for (let round = 0; round < options.rounds; round++) {
    // Away and misbehaving are drawn in one order, whatever the sockets do.
    const waiting = options.names.flatMap((name, at): readonly Boot[] => {
      const [isAway, misbehaves] = [random() < options.away, random() < options.misbehave];
      if (isAway) report.away += 1;
      const how = misbehaves ? misbehaviours[Math.floor(random() * misbehaviours.length)] : undefined;
      return isAway ? [] : [{ name, address: Math.floor(at / options.perAddress), how }];
    });
    const line = async (): Promise<void> => {
      for (let boot = waiting.shift(); boot !== undefined; boot = waiting.shift())
        await bootOne(options, states, report, boot);
    };
    await Promise.all(Array.from({ length: options.concurrency }, line));
  }
  return report;
}

/** Gives up after two files; boots again at once; was reset to its factory state. */
const misbehaviours = ['gives-up', 'twice', 'forgets'] as const;

interface Boot {
  readonly name: string;
  readonly address: number;
  readonly how: (typeof misbehaviours)[number] | undefined;
}

async function bootOne(
  options: FleetOptions,
  states: Map<string, PhoneState>,
  report: FleetReport,
  { name, address, how }: Boot,
): Promise<void> {
  if (how !== undefined) report.misbehaved += 1;
  const times = how === 'twice' ? 2 : 1;
  for (let time = 0; time < times; time++) {
    const state = how === 'forgets' ? newPhone(name) : (states.get(name) ?? newPhone(name));
    let asked = 0;
    const fetch = async (file: string): Promise<FetchAnswer> => {
      if (how === 'gives-up' && asked >= 2) return { kind: 'failed', reason: 'the phone was switched off' };
      const startMs = options.nowMs();
      const answer = await options.fetch(file, address);
      asked += 1;
      report.requests += 1;
      if (asked === 1) report.firstFileMs.push(options.nowMs() - startMs);
      if (answer.kind === 'failed') report.failed += 1;
      return answer;
    };
    const {
      ok,
      refused,
      state: after,
    } = await bootPhone({
      crypto: options.crypto,
      state,
      fetch,
      nowSeconds: options.nowSeconds,
      report: () => undefined,
    });
    states.set(name, after);
    report.boots += 1;
    if (ok) report.accepted += 1;
    else if (refused.length > 0) report.refused += 1;
    else report.missing += 1;
    if (refused.length > 0) report.refusing.add(name);
    else report.refusing.delete(name);
    options.onBoot(report);
  }
}

function newReport(phones: number): FleetReport {
  return {
    phones,
    boots: 0,
    accepted: 0,
    refused: 0,
    missing: 0,
    away: 0,
    misbehaved: 0,
    failed: 0,
    requests: 0,
    firstFileMs: [],
    refusing: new Set(),
  };
}

/** The value below which a share of the times lie; 0 when there are none. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

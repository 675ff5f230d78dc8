/**
 * Drives the simulated phone (core/phone) through one boot: fetches what it asks for, puts its question to a TVS,
 * reports each verdict as it falls. Sockets come in as functions; a phone without a TVS to reach meets silence.
 */
import { assert } from '../base/assert.ts';
import type { PhoneState } from '../core/phone/phone-state.ts';
import {
  step,
  switchOn,
  type FetchAnswer,
  type FileVerdict,
  type PhoneEffect,
  type PhoneInput,
  type TvsSigner,
} from '../core/phone/phone.ts';
import type { Crypto } from '../core/ports.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';

export type Fetch = (name: string) => Promise<FetchAnswer>;
export type AskTvs = (signer: TvsSigner) => Promise<TvsAnswer>;

export interface BootOptions {
  readonly crypto: Crypto;
  readonly state: PhoneState;
  readonly fetch: Fetch;
  readonly askTvs?: AskTvs | undefined;
  readonly nowSeconds: () => number;
  readonly report: (verdict: FileVerdict) => void;
}

export interface BootResult {
  /** The phone has what it needs and refused nothing it needs. */
  readonly ok: boolean;
  readonly refused: readonly string[];
  readonly missing: readonly string[];
  /** What it holds now. */
  readonly state: PhoneState;
}

/** One boot, from power-on until nothing is left to ask. Rejects only when `fetch` or `askTvs` does. */
export async function bootPhone(options: BootOptions): Promise<BootResult> {
  let phone = switchOn(options.state);
  let input: PhoneInput | undefined = { type: 'start' };
  let result: BootResult | undefined;
  while (input !== undefined) {
    const next = step(options.crypto, phone, input, options.nowSeconds());
    phone = next.phone;
    input = undefined;
    for (const effect of next.effects) {
      if (effect.type === 'verdict') options.report(effect);
      else if (effect.type === 'done') result = { ...effect, state: phone.held };
      else input = await perform(options, effect);
    }
  }
  assert(result !== undefined, 'a boot ends');
  const { ok, refused, missing, state } = result;
  return { ok, refused, missing, state };
}

/** Asks the sources in order until one answers; as phones do, HTTP before TFTP. */
export function fetchFirst(...sources: readonly Fetch[]): Fetch {
  return async (name) => {
    let answer: FetchAnswer = { kind: 'failed', reason: 'no server to ask' };
    for (const source of sources) {
      answer = await source(name);
      if (answer.kind !== 'failed') return answer;
    }
    return answer;
  };
}

async function perform(
  options: BootOptions,
  effect: PhoneEffect & { readonly type: 'fetch' | 'ask-tvs' },
): Promise<PhoneInput> {
  if (effect.type === 'fetch') return { type: 'fetched', answer: await options.fetch(effect.name) };
  const answer = await options.askTvs?.(effect);
  return { type: 'tvs-answered', answer: answer ?? { kind: 'unreachable' } };
}

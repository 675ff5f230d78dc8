/**
 * The phone model up to its configuration, under each reading of what public sources leave open: does it take a list
 * that is judged `unknown`, and does a phone with a CTL look into its ITL for the signer of a file? The model alone
 * takes no such list and looks.
 */
import type { PhoneState } from '../../src/core/phone/phone-state.ts';
import {
  step,
  switchOn,
  type FetchAnswer,
  type Phone,
  type PhoneInput,
  type TvsSigner,
} from '../../src/core/phone/phone.ts';
import type { Crypto } from '../../src/core/ports.ts';
import type { TvsAnswer } from '../../src/core/trust/judge.ts';
import type { Reading } from '../../src/core/trust/strand.ts';
import { maySkipItl, readHeld } from '../../src/core/trust/phone-trust.ts';
import { now } from './trust-builder.ts';

export type PhoneReading = Reading;

export interface ReadBoot {
  readonly held: PhoneState;
  /** The name of the configuration that it took. */
  readonly accepted: string | undefined;
}

/** Lists and configuration of one boot; no TVS answers but `askTvs`. */
export async function readConfig(
  crypto: Crypto,
  state: PhoneState,
  reading: PhoneReading,
  fetch: (name: string) => Promise<FetchAnswer>,
  {
    askTvs = () => ({ kind: 'unreachable' }),
    nowSeconds = now,
  }: { readonly askTvs?: (signer: TvsSigner) => TvsAnswer; readonly nowSeconds?: number } = {},
): Promise<ReadBoot> {
  let machine = switchOn({ ...state, sha1Only: !reading.sha512 });
  let input: PhoneInput | undefined = { type: 'start' };
  let last: FetchAnswer | undefined;
  let hidden: string | null = null;
  while (input !== undefined) {
    const next = step(crypto, machine, input, nowSeconds);
    machine = next.phone;
    input = undefined;
    for (const effect of next.effects) {
      if (effect.type === 'fetch') {
        last = await fetch(effect.name);
        input = { type: 'fetched', answer: last };
        if (hidden === null && !reading.files && machine.stages[0]?.purpose === 'config') {
          hidden = hasItlToSkip(crypto, machine) ? machine.held.itl : null;
          if (hidden !== null) machine = { ...machine, held: { ...machine.held, itl: null } };
        }
      } else if (effect.type === 'ask-tvs') input = { type: 'tvs-answered', answer: askTvs(effect) };
      else if (effect.type === 'verdict') {
        const { purpose, outcome, name } = effect;
        const isOpen = outcome === 'unknown' && (purpose === 'itl' || purpose === 'ctl');
        if (isOpen && reading.lists && last?.kind === 'bytes')
          machine = {
            ...machine,
            held: { ...machine.held, [purpose]: Buffer.from(last.bytes).toString('hex') },
          };
        if (purpose === 'config' && outcome !== 'not-found')
          return {
            held: { ...machine.held, itl: hidden ?? machine.held.itl },
            accepted: outcome === 'accepted' ? name : undefined,
          };
      }
    }
  }
  return { held: { ...machine.held, itl: hidden ?? machine.held.itl }, accepted: undefined };
}

function hasItlToSkip(crypto: Crypto, { held }: Phone): boolean {
  const read = readHeld(crypto, { ctl: held.ctl === null ? undefined : Buffer.from(held.ctl, 'hex') });
  return read.ok && maySkipItl(read.value);
}

/**
 * The simulated phone: one boot as a pure machine. It asks for files in the order of domain.md §3, believes them by
 * the judge (core/trust/judge.ts) with the lists it holds, and keeps what it accepted.
 *
 * Rules: one file at a time · a list that is accepted is held at once and judges what follows · a name that is not
 * found gives the next name of its stage, a refusal ends the stage and keeps what the phone had · a signer that only a
 * TVS can vouch for is asked about once per day, or as often as the TVS said · `unknown` is not accepted, as a careful
 * administrator must assume.
 */
import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import { fromHex, toHex } from '../../base/text.ts';
import { contentOf } from '../../wire/signed-file.ts';
import { decodeSignedHeader, looksSigned } from '../../wire/signed-header.ts';
import type { Crypto } from '../ports.ts';
import { judgeFile, type Judgement, type PhoneTrust, type TvsAnswer } from '../trust/judge.ts';
import { asksForSigned } from '../trust/phone-trust.ts';
import { configStage, fileStages, listStages, type Stage } from './boot-order.ts';
import type { PhoneState } from './phone-state.ts';

export type FetchAnswer =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'failed'; readonly reason: string };

export type PhoneInput =
  | { readonly type: 'start' }
  | { readonly type: 'fetched'; readonly answer: FetchAnswer }
  | { readonly type: 'tvs-answered'; readonly answer: TvsAnswer };

/** The signer that a phone met and does not know, as the header names it. */
export interface TvsSigner {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
}

/** The words a phone shows (domain.md §3). */
export type PhoneMessage =
  'Trust List updated' | 'Trust List update failed' | 'File auth error' | `File Not Found <${string}>`;

export interface FileVerdict {
  readonly type: 'verdict';
  readonly name: string;
  readonly purpose: Stage['purpose'];
  readonly outcome: 'accepted' | 'refused' | 'unknown' | 'not-found' | 'failed';
  readonly judgement: Judgement | undefined;
  readonly message: PhoneMessage | undefined;
  /** Why a fetch failed. */
  readonly reason: string | undefined;
}

export type PhoneEffect =
  | { readonly type: 'fetch'; readonly name: string }
  | ({ readonly type: 'ask-tvs' } & TvsSigner)
  | FileVerdict
  | {
      readonly type: 'done';
      /** The phone has what it needs and refused nothing it needs. */
      readonly ok: boolean;
      readonly refused: readonly string[];
      readonly missing: readonly string[];
    };

/** A phone during one boot; only `held` outlives it. */
export interface Phone {
  readonly held: PhoneState;
  /** The stage at work first. */
  readonly stages: readonly Stage[];
  /** Names of the stage at work that are still to be asked, the current one first. */
  readonly names: readonly string[];
  /** A file that waits for the TVS's word. */
  readonly waiting: Uint8Array | undefined;
  readonly refused: readonly string[];
  readonly missing: readonly string[];
  /** What `held` has as hexadecimal text, once it was read in this boot: each file is judged by the same lists. */
  readonly read: Map<string, Uint8Array | undefined>;
}

export interface PhoneStep {
  readonly phone: Phone;
  readonly effects: readonly PhoneEffect[];
}

/** Cached answers of a TVS live for a day at most (domain.md §2). */
const vouchedSeconds = 86_400;

export function switchOn(held: PhoneState): Phone {
  return { held, stages: [], names: [], waiting: undefined, refused: [], missing: [], read: new Map() };
}

/** Pure: the same phone, input and second give the same step. */
export function step(crypto: Crypto, phone: Phone, input: PhoneInput, nowSeconds: number): PhoneStep {
  switch (input.type) {
    case 'start': {
      const stages = listStages(phone.held.name);
      return enterStage({ ...switchOn(phone.held), stages }, []);
    }
    case 'fetched':
      return fetched(crypto, phone, input.answer, nowSeconds);
    case 'tvs-answered': {
      assert(phone.waiting !== undefined, 'a TVS answers a question');
      return judged(crypto, { ...phone, waiting: undefined }, phone.waiting, nowSeconds, input.answer);
    }
  }
}

function fetched(crypto: Crypto, phone: Phone, answer: FetchAnswer, nowSeconds: number): PhoneStep {
  if (answer.kind === 'bytes') return judged(crypto, phone, answer.bytes, nowSeconds, undefined);
  const [name = '', ...others] = phone.names;
  const verdict: FileVerdict = {
    type: 'verdict',
    name,
    purpose: stageOf(phone).purpose,
    outcome: answer.kind,
    judgement: undefined,
    message: answer.kind === 'not-found' ? `File Not Found <${name}>` : undefined,
    reason: answer.kind === 'failed' ? answer.reason : undefined,
  };
  if (others.length > 0) return ask({ ...phone, names: others }, [verdict]);
  const missing = stageOf(phone).needed === 'found' ? [...phone.missing, name] : phone.missing;
  return nextStage(crypto, { ...phone, missing }, [verdict]);
}

function judged(
  crypto: Crypto,
  phone: Phone,
  bytes: Uint8Array,
  nowSeconds: number,
  tvs: TvsAnswer | undefined,
): PhoneStep {
  const [name = ''] = phone.names;
  const header = decodeSignedHeader(bytes);
  const signer = header.ok ? header.value.signer : undefined;
  const key = signer && vouchedKey(signer.issuer, signer.serial);
  const answer = tvs ?? (key === undefined ? undefined : remembered(phone.held, key, nowSeconds));
  const trust = { ...trustOf(phone), tvs: answer && (() => answer) };
  const judgement = judgeFile(crypto, trust, { bytes, name }, nowSeconds);
  if (judgement.code === 'tvs-not-asked' && signer)
    return {
      phone: { ...phone, waiting: bytes },
      effects: [{ type: 'ask-tvs', subject: signer.name, issuer: signer.issuer, serial: signer.serial }],
    };
  const learned =
    key === undefined || tvs?.kind !== 'vouched' ? phone : remember(phone, key, tvs, nowSeconds);
  const verdict = verdictOf(learned, name, judgement);
  if (judgement.phone === 'accept')
    return nextStage(crypto, { ...learned, held: keep(learned, name, bytes) }, [verdict]);
  const refused = stageOf(phone).needed === 'no' ? phone.refused : [...phone.refused, name];
  return nextStage(crypto, { ...learned, refused }, [verdict]);
}

function verdictOf(phone: Phone, name: string, judgement: Judgement): FileVerdict {
  const { purpose } = stageOf(phone);
  const isList = purpose === 'ctl' || purpose === 'itl';
  const accepted = judgement.phone === 'accept';
  const refusal = isList ? 'Trust List update failed' : 'File auth error';
  const news = isList && judgement.code !== 'accepted-same-list' ? 'Trust List updated' : undefined;
  const outcome = accepted ? 'accepted' : judgement.phone === 'reject' ? 'refused' : 'unknown';
  const message = accepted ? news : refusal;
  return { type: 'verdict', name, purpose, outcome, judgement, message, reason: undefined };
}

/** What an accepted file leaves behind. */
function keep(phone: Phone, name: string, bytes: Uint8Array): PhoneState {
  const { held } = phone;
  const header = looksSigned(bytes) ? decodeSignedHeader(bytes) : undefined;
  const timestamp = header?.ok ? header.value.timestamp : undefined;
  const newest = timestamp === undefined ? held.newest : { ...held.newest, [name]: timestamp };
  switch (stageOf(phone).purpose) {
    case 'ctl':
      return { ...held, newest, ctl: hexOf(phone, bytes, held.ctl) };
    case 'itl':
      return { ...held, newest, itl: hexOf(phone, bytes, held.itl) };
    case 'config':
      return {
        ...held,
        newest,
        config: hexOf(phone, header?.ok ? contentOf(bytes, header.value) : bytes, held.config),
      };
    case 'load':
    case 'file':
      return { ...held, newest };
  }
}

/** The stages behind the lists are known only when the lists are, those behind the configuration when it is. */
function nextStage(crypto: Crypto, phone: Phone, effects: readonly PhoneEffect[]): PhoneStep {
  const [done, ...stages] = phone.stages;
  const signed = asksForSigned(crypto, trustOf(phone));
  if (stages.length === 0 && done?.purpose === 'itl') stages.push(configStage(phone.held.name, signed));
  if (done?.purpose === 'config') stages.push(...fileStages(bytesOf(phone, phone.held.config), signed));
  return enterStage({ ...phone, stages }, effects);
}

function enterStage(phone: Phone, effects: readonly PhoneEffect[]): PhoneStep {
  const [stage] = phone.stages;
  if (stage) return ask({ ...phone, names: stage.names }, effects);
  const { refused, missing } = phone;
  const ok = refused.length === 0 && missing.length === 0;
  return { phone: { ...phone, names: [] }, effects: [...effects, { type: 'done', ok, refused, missing }] };
}

function ask(phone: Phone, effects: readonly PhoneEffect[]): PhoneStep {
  const [name] = phone.names;
  assert(name !== undefined, 'a stage has a name to ask');
  return { phone, effects: [...effects, { type: 'fetch', name }] };
}

function stageOf(phone: Phone): Stage {
  const [stage] = phone.stages;
  assert(stage !== undefined, 'a phone that waits is in a stage');
  return stage;
}

function trustOf(phone: Phone): PhoneTrust {
  const { held } = phone;
  return {
    ctl: bytesOf(phone, held.ctl),
    itl: bytesOf(phone, held.itl),
    sha1Only: held.sha1Only,
    newest: (name) => held.newest[name],
  };
}

function bytesOf({ read }: Phone, hex: string | null): Uint8Array | undefined {
  if (hex === null) return undefined;
  if (!read.has(hex)) read.set(hex, fromHex(hex));
  return read.get(hex);
}

/** A list that is served again is not written out again. */
function hexOf(phone: Phone, bytes: Uint8Array, held: string | null): string {
  const known = bytesOf(phone, held);
  return held !== null && known !== undefined && equalBytes(known, bytes) ? held : toHex(bytes);
}

function vouchedKey(issuer: string, serial: Uint8Array): string {
  return `${issuer} ${toHex(serial)}`;
}

function remembered(held: PhoneState, key: string, nowSeconds: number): TvsAnswer | undefined {
  const entry = held.vouched[key];
  if (entry === undefined || entry.until < nowSeconds) return undefined;
  const server = fromHex(entry.server);
  const certificate = fromHex(entry.certificate);
  return server && certificate && { kind: 'vouched', server, certificate, roles: entry.roles };
}

function remember(
  phone: Phone,
  key: string,
  answer: TvsAnswer & { kind: 'vouched' },
  nowSeconds: number,
): Phone {
  const entry = {
    server: toHex(answer.server),
    certificate: toHex(answer.certificate),
    roles: answer.roles,
    until: nowSeconds + Math.min(answer.ttlSeconds ?? vouchedSeconds, vouchedSeconds),
  };
  return { ...phone, held: { ...phone.held, vouched: { ...phone.held.vouched, [key]: entry } } };
}

/**
 * A cluster's trust in memory, for histories: certificates that come and go, lists signed with real keys, phones that
 * are the phone model and remember, and the belief book fed with what a server could see, and no more.
 */
import { sign } from 'node:crypto';
import type { ClusterMode, PublishedList, TrustListKind } from '../../src/core/cluster/model.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import { step, switchOn, type FetchAnswer, type PhoneInput } from '../../src/core/phone/phone.ts';
import type { CertificateFacts, Signer } from '../../src/core/ports.ts';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import { signFile } from '../../src/core/signing/sign-file.ts';
import { BeliefSets, type PairKey } from '../../src/core/trust/belief.ts';
import { BeliefBook, pairsOf, setWithGaps, type Observation } from '../../src/core/trust/belief-book.ts';
import { checkInvariants, viewOfPlan } from '../../src/core/trust/invariants.ts';
import { ListLibrary } from '../../src/core/trust/list-library.ts';
import { paperConfig, paperList } from '../../src/core/trust/paper.ts';
import { planCtl } from '../../src/core/trust/plan-ctl.ts';
import { planItl, withoutFileSigners } from '../../src/core/trust/plan-itl.ts';
import {
  planStranding,
  RoadFinder,
  withDeliveries,
  type Served,
  type StrandReport,
} from '../../src/core/trust/strand.ts';
import type { TrustInput, TrustPlan } from '../../src/core/trust/trust-plan.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import type { HashName } from '../../src/wire/algorithm.ts';
import { subject } from './clusters.ts';
import { now, party, type Party } from './trust-builder.ts';

export const crypto = createVerifier();

function made(key: string, name: string, serial: number): Party {
  return party({ key, subject: subject(name), serial: (0x10_00_00_00 + serial).toString(16) });
}

const poolSize = 6;
const pool = <T>(make: (at: number) => T): readonly T[] =>
  Array.from({ length: poolSize }, (_, at) => make(at));
const recoveries = pool((at) => made('sast-a', 'ITLRECOVERY', at));
const callmanagers = pool((at) => made('callmanager-a', 'cucm', 64 + at));
const elsewhere = {
  recovery: made('sast-b', 'ITLRECOVERY_B', 128),
  callmanager: made('callmanager-b', 'cucm-b', 129),
};
const foreign = made('stranger', 'foreign', 200);

/** There is always one. */
function first(parties: readonly Party[] | undefined): Party {
  const [party] = parties ?? [];
  if (party === undefined) throw new Error('no certificate is left');
  return party;
}

const known = new Map<Party, CertificateFacts>();
export function factsOf(of: Party): CertificateFacts {
  const facts = known.get(of) ?? crypto.readCertificate(of.der);
  if (facts === undefined) throw new Error('a certificate that was made here');
  known.set(of, facts);
  return facts;
}

function signerOf(of: Party): Signer {
  return {
    certificate: factsOf(of),
    sign: (hash, parts) => Promise.resolve(new Uint8Array(sign(hash, Buffer.concat(parts), of.key))),
  };
}

/** What is signed the same way twice is signed once: a thousand histories begin alike. */
const built = new Map<string, Uint8Array>();
async function once(key: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const bytes = built.get(key) ?? (await make());
  built.set(key, bytes);
  return bytes;
}

/** Which certificates are there, the one in use first. */
export interface Trust {
  readonly recovery: readonly Party[];
  readonly callmanager: readonly Party[];
  readonly mode: ClusterMode;
  readonly rollback: boolean;
  readonly foreign: boolean;
  /** `localkey`: the CallManager key signs the lists this time. */
  readonly local: boolean;
  readonly hash: HashName;
}

export const firstTrust: Trust = {
  recovery: recoveries.slice(0, 1),
  callmanager: callmanagers.slice(0, 1),
  mode: 'nonsecure',
  rollback: false,
  foreign: false,
  local: false,
  hash: 'sha1',
};

/** The next trust for the name of an operation; undefined where the cluster's state does not allow it. */
export function afterOperation(trust: Trust, operation: string): Trust | undefined {
  const base = { ...trust, local: false };
  const next = (all: readonly Party[], has: readonly Party[]): Party | undefined =>
    all[all.indexOf(has.at(-1) ?? first(all)) + 1];
  const both = (purpose: 'recovery' | 'callmanager', all: readonly Party[]): Trust | undefined => {
    const fresh = next(all, trust[purpose]);
    return trust[purpose].length > 1 || fresh === undefined
      ? undefined
      : { ...base, [purpose]: [...trust[purpose], fresh] };
  };
  const single = (purpose: 'recovery' | 'callmanager', at: number): Trust | undefined =>
    trust[purpose].length < 2 ? undefined : { ...base, [purpose]: trust[purpose].slice(at, at + 1) };
  switch (operation) {
    case 'update':
      return base;
    case 'begin recovery':
      return both('recovery', recoveries);
    case 'begin callmanager':
      return both('callmanager', callmanagers);
    case 'switch recovery':
      return single('recovery', 1);
    case 'switch callmanager':
      return single('callmanager', 1);
    case 'abort recovery':
      return single('recovery', 0);
    case 'abort callmanager':
      return single('callmanager', 0);
    // What no command does, and the guard must refuse wherever it hurts: both anchors at once.
    case 'replace both':
      return {
        ...base,
        recovery: [next(recoveries, trust.recovery) ?? first(recoveries)],
        callmanager: [next(callmanagers, trust.callmanager) ?? first(callmanagers)],
      };
    case 'mode':
      return { ...base, mode: trust.mode === 'mixed' ? 'nonsecure' : 'mixed', rollback: false };
    case 'rollback':
      return { ...base, rollback: !trust.rollback };
    case 'import':
      return { ...base, foreign: !trust.foreign };
    case 'localkey':
      return { ...base, local: true };
    case 'hash':
      return { ...base, hash: trust.hash === 'sha1' ? 'sha512' : 'sha1' };
    default:
      return undefined;
  }
}

export const operations = [
  'update',
  'begin recovery',
  'begin callmanager',
  'switch recovery',
  'switch callmanager',
  'abort recovery',
  'abort callmanager',
  'replace both',
  'mode',
  'rollback',
  'import',
  'localkey',
  'hash',
] as const;

export interface Generation {
  readonly trust: Trust;
  readonly lists: readonly PublishedList[];
}

export interface TestPhone {
  readonly name: string;
  readonly address: string;
  /** Its server answers from transfer ports or TCP; else last ACKs could be forged. */
  readonly proved: boolean;
  /** It reads no SHA-512. */
  readonly sha1Only: boolean;
  /** Somebody said that its model reads SHA-512, which is then true. */
  readonly readsSha512: boolean;
  held: PhoneState;
}

export class TrustWorld {
  readonly phones: readonly TestPhone[];
  readonly published: PublishedList[] = [];
  readonly sets = new BeliefSets();
  current: Generation | undefined;
  number = 0;
  nowMs = now * 1000;
  library = new ListLibrary(crypto, []);
  book: BeliefBook;

  constructor(phones: readonly TestPhone[], phantoms: readonly string[]) {
    this.phones = phones;
    this.book = new BeliefBook(
      this.sets,
      {
        asksForSigned: (key) => this.library.asksForSigned(key),
        believes: (key, signer) => this.library.accepts(key, signer) !== 'reject',
        narrowed: (key, signer) => this.library.narrowed(key, signer),
        all: () => this.library.allPairs(),
      },
      [],
      [],
    );
    const names = new Set([...phones.map(({ name }) => name), ...phantoms]);
    this.book.knowDevices((name) => names.has(name));
  }

  plans(trust: Trust): readonly TrustPlan[] {
    const own = [
      ...trust.recovery.map((of) => ({
        purpose: 'itlrecovery' as const,
        node: undefined,
        certificate: factsOf(of),
      })),
      ...trust.callmanager.map((of) => ({
        purpose: 'callmanager' as const,
        node: 'n',
        certificate: factsOf(of),
      })),
    ];
    const input: TrustInput = {
      thisNode: 'n',
      mode: trust.mode,
      nodes: [{ name: 'n' }],
      own,
      foreignSasts: trust.foreign ? [factsOf(foreign)] : [],
      foreignFileSigners: [],
    };
    const sticky = this.current?.lists.some(({ kind }) => kind === 'ctl') === true;
    const itl = trust.rollback ? withoutFileSigners(planItl(input)) : planItl(input);
    const plans = trust.mode === 'mixed' || sticky ? [itl, planCtl(input)] : [itl];
    const signer = factsOf(first(trust.local ? trust.callmanager : trust.recovery));
    return plans.map((plan) => ({ ...plan, signer }));
  }

  /** What the publisher refuses before anybody is counted (app/plan-publication.ts). */
  isBroken(trust: Trust): boolean {
    const [itl, ctl] = this.plans(trust).map(viewOfPlan);
    if (itl === undefined) return true;
    if (trust.rollback && ctl !== undefined && trust.mode === 'nonsecure') return true;
    const fileSigner = factsOf(first(trust.callmanager)).fingerprint;
    const nextSigners = [fileSigner, factsOf(first(trust.recovery)).fingerprint];
    return (
      checkInvariants(itl, ctl, { fileSigner, nextSigners, itlPreparedForRollback: trust.rollback }).length >
      0
    );
  }

  async publish(trust: Trust): Promise<void> {
    this.number += 1;
    const lists: PublishedList[] = [];
    for (const plan of this.plans(trust)) lists.push(await this.#list(trust, plan));
    this.published.push(...lists);
    this.current = { trust, lists };
    this.library = new ListLibrary(crypto, this.published);
  }

  async #list(trust: Trust, { kind, records, signer }: TrustPlan): Promise<PublishedList> {
    const timestamp = now + this.number;
    const fileName = kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
    const key = [
      kind,
      this.number,
      trust.hash,
      signer.fingerprint,
      ...records.map(({ role, certificate }) => `${role}${certificate?.fingerprint.slice(0, 12) ?? ''}`),
    ].join(' ');
    const by = first(trust.local ? trust.callmanager : trust.recovery);
    const bytes = await once(key, () =>
      buildTrustList({
        kind,
        records,
        fileName,
        timestamp,
        hash: trust.hash,
        signer: signerOf(by),
        preparesRollback: kind === 'itl' && trust.rollback,
      }),
    );
    const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
    return {
      generation: this.number,
      kind,
      node: 'n',
      bytes,
      signer: signer.fingerprint,
      sha256,
      timestamp,
      publishedMs: this.nowMs,
    };
  }

  async plan(trust: Trust): Promise<{ report: StrandReport; finder: RoadFinder }> {
    const before = await this.#served(this.current?.trust ?? trust, this.#currentFiles());
    const files: Partial<Record<TrustListKind, Served['itl']>> = {};
    for (const plan of this.plans(trust))
      files[plan.kind] = await paperList(plan, {
        hash: trust.hash,
        rollback: trust.rollback,
        fileName: plan.kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv',
      });
    const after = await this.#served(trust, { itl: files.itl, ctl: files.ctl });
    const finder = new RoadFinder(crypto, this.library, { before, after });
    const field = [...this.members()].map(([name, pairs]) => ({
      pairs,
      readsSha512: this.phones.some((phone) => phone.name === name && phone.readsSha512),
      phones: [{ name, heardMs: this.nowMs }],
    }));
    return { report: planStranding(finder, this.library, field, 0), finder };
  }

  /** What each device may hold, as a command would read it. */
  members(): ReadonlyMap<string, readonly PairKey[]> {
    const members = new Map<string, readonly PairKey[]>();
    for (const { name } of this.phones) {
      const belief = this.book.find(name);
      if (belief === undefined) continue;
      const set = setWithGaps(this.sets, belief, this.book.gaps);
      members.set(name, this.sets.pairs(withDeliveries(this.sets, set, this.current?.lists ?? [])));
    }
    return members;
  }

  #currentFiles(): Pick<Served, 'itl' | 'ctl'> {
    const file = (kind: TrustListKind): Served['itl'] => {
      const list = this.current?.lists.find((each) => each.kind === kind);
      return list && { name: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv', bytes: list.bytes };
    };
    return { itl: file('itl'), ctl: file('ctl') };
  }

  async #served(trust: Trust, lists: Pick<Served, 'itl' | 'ctl'>): Promise<Served> {
    const config = await paperConfig(factsOf(first(trust.callmanager)), trust.hash);
    return { ...lists, config, tvs: () => ({ kind: 'unreachable' }) };
  }

  /** One boot against what is served; `commit`: the phone remembers and the server hears it. */
  async boot(phone: TestPhone, commit: boolean): Promise<boolean> {
    let machine = switchOn({ ...phone.held, sha1Only: phone.sha1Only });
    let input: PhoneInput | undefined = { type: 'start' };
    let accepted = false;
    while (input !== undefined) {
      const next = step(crypto, machine, input, now);
      machine = next.phone;
      input = undefined;
      for (const effect of next.effects) {
        if (effect.type === 'fetch')
          input = { type: 'fetched', answer: await this.fetch(phone, effect.name, commit) };
        else if (effect.type === 'ask-tvs') input = { type: 'tvs-answered', answer: { kind: 'unreachable' } };
        else if (effect.type === 'verdict' && effect.purpose === 'config')
          accepted ||= effect.outcome === 'accepted';
      }
    }
    if (commit) {
      phone.held = machine.held;
      const signer = factsOf(first(this.current?.trust.callmanager));
      if (accepted && phone.proved) this.book.showedBelief(phone.name, phone.address, signer, this.nowMs);
    }
    return accepted;
  }

  async fetch(phone: TestPhone, name: string, heard: boolean): Promise<FetchAnswer> {
    const bytes = await this.#bytesOf(name);
    if (heard) this.observe(phone, name, bytes === undefined ? 'asked' : 'delivered');
    return bytes === undefined ? { kind: 'not-found' } : { kind: 'bytes', bytes };
  }

  observe(from: Pick<TestPhone, 'address' | 'proved'>, name: string, kind: Observation['kind']): void {
    const transport = from.proved ? 'http' : 'tftp';
    const { address, proved } = from;
    this.book.observe(
      { kind, name, address, transport, proved, durationMs: 1 },
      { lists: this.current?.lists ?? [] },
      this.nowMs,
    );
  }

  async #bytesOf(name: string): Promise<Uint8Array | undefined> {
    const list = this.current?.lists.find(
      ({ kind }) => name === (kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv'),
    );
    if (list !== undefined) return list.bytes;
    if (!/^SEP[0-9A-F]{12}\.cnf\.xml(\.sgn)?$/.test(name)) return undefined;
    const content = new TextEncoder().encode('<device/>');
    if (!name.endsWith('.sgn')) return content;
    const { callmanager, hash } = this.current?.trust ?? firstTrust;
    const signer = first(callmanager);
    return once(`${name} ${hash} ${factsOf(signer).fingerprint}`, () =>
      signFile({ fileName: name, timestamp: now, hash, content, signer: signerOf(signer) }),
    );
  }

  signerInUse(): CertificateFacts {
    return factsOf(first(this.current?.trust.callmanager));
  }

  /** The server dies: what it had not told, everybody may have. */
  crash(): void {
    this.book.addGap(pairsOf(this.current?.lists ?? []), this.nowMs);
  }
}

/** A phone that comes from another cluster, with lists that know nothing of ours. */
export async function fromElsewhere(name: string): Promise<PhoneState> {
  const input = {
    thisNode: 'b',
    mode: 'nonsecure',
    nodes: [{ name: 'b' }],
    own: [
      { purpose: 'itlrecovery', node: undefined, certificate: factsOf(elsewhere.recovery) },
      { purpose: 'callmanager', node: 'b', certificate: factsOf(elsewhere.callmanager) },
    ],
    foreignSasts: [],
    foreignFileSigners: [],
  } as const;
  const bytes = await once('elsewhere', () =>
    buildTrustList({
      kind: 'itl',
      records: planItl(input).records,
      fileName: 'ITLFile.tlv',
      timestamp: now,
      hash: 'sha1',
      signer: signerOf(elsewhere.recovery),
    }),
  );
  return { ...newPhone(name), itl: Buffer.from(bytes).toString('hex') };
}

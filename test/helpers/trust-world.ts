/**
 * A cluster in memory for histories: its database is one value, planner and publisher are the program's, lists are
 * signed with real keys, phones are the phone model and remember, and what nodes believe of them is fed with what a
 * server could see, and no more. Beside it a cluster B, which phones are moved to and come from.
 */
import type { ContinueRequest } from '../../src/app/continue-cluster.ts';
import { readClusterView, trustInputOf } from '../../src/app/cluster-view.ts';
import type { FieldPorts } from '../../src/app/field.ts';
import { listFileNames, type PublishPorts } from '../../src/app/publish-lists.ts';
import type { ClusterMode, PublishedList } from '../../src/core/cluster/model.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer, TvsSigner } from '../../src/core/phone/phone.ts';
import type { CertificateFacts, Issuer, Store } from '../../src/core/ports.ts';
import type { PairKey } from '../../src/core/trust/belief.ts';
import type { Observation } from '../../src/core/trust/belief-book.ts';
import type { TvsAnswer } from '../../src/core/trust/judge.ts';
import { readings, type Reading } from '../../src/core/trust/strand.ts';
import { explainsBy, ListLibrary } from '../../src/core/trust/list-library.ts';
import { inUse } from '../../src/core/trust/trust-plan.ts';
import { answerTvs, takeSnapshot } from '../../src/core/tvs/answer.ts';
import { verifyAgain } from '../../src/node/second-verifier.ts';
import { clusterB, clusterBLists, configOf, remoteB } from './cluster-b.ts';
import { signsFiles, type Role } from '../../src/wire/role.ts';
import { HeardNode } from './heard-node.ts';
import { currentLists, memoryStore, modelOfAll, type Database, type Rows } from './memory-store.ts';
import { readConfig, type PhoneReading } from './reading-phone.ts';
import { now } from './trust-builder.ts';
import { createPoolIssuer, crypto, firstOf, keyFiles, signers } from './trust-parties.ts';

export interface TestPhone {
  readonly name: string;
  readonly address: string;
  /** Its server answers from transfer ports or TCP; else last ACKs could be forged. */
  readonly proved: boolean;
  /**
   * Which questions a TVS of ours answers it, by what it would vouch for; undefined: none. Nobody relies on one: what
   * counts as a path goes without.
   */
  readonly asksTvs?: ((roles: readonly Role[]) => boolean) | undefined;
  readonly reading: PhoneReading;
  held: PhoneState;
  /** Where its files come from. */
  home: 'here' | 'B';
}

export type WorldPorts = PublishPorts & FieldPorts & { readonly issuer: Issuer };

export interface WorldOptions {
  readonly phones: readonly TestPhone[];
  readonly phantoms: readonly string[];
  readonly nodes: readonly ['n'] | readonly ['n', 'm'];
  /** Somebody said that their model reads SHA-512. */
  readonly readSha512: boolean;
}

const createdMs = now * 1000;

export class TrustWorld {
  readonly phones: readonly TestPhone[];
  readonly nodes: readonly string[];
  /** Phones of this field may follow any of these. */
  readonly readings: readonly Reading[];
  readonly #sha512Models: readonly string[];
  readonly database: Database;
  readonly heard: ReadonlyMap<string, HeardNode>;
  readonly #issuer = createPoolIssuer();
  #library = new ListLibrary(crypto, []);
  #libraryOf: Rows['published'] = [];
  readonly #answers = new WeakMap<PhoneState, Map<string, boolean>>();
  readonly #holding = new Map<PairKey, PhoneState>();
  #signers: { readonly of: Rows; readonly byNode: Map<string, CertificateFacts> } | undefined;
  nowMs = createdMs;
  /** TVSs say whom they vouched to. */
  tellsAskers = true;

  constructor({ phones, phantoms, nodes, readSha512 }: WorldOptions) {
    this.readings = readings.filter(({ sha512 }) => sha512 || !readSha512);
    this.#sha512Models = readSha512 ? [modelOfAll] : [];
    this.phones = phones;
    this.nodes = nodes;
    const devices = [...phones.map(({ name }) => name), ...phantoms];
    this.database = {
      rows: firstRows(nodes, devices),
      unguarded: false,
      remotes: [remoteB],
      remoteLists: clusterBLists,
      // A node that is alone tells nobody.
      shared: () =>
        nodes.length === 1 ? [] : [...this.heard].map(([node, heard]) => ({ node, ...heard.stored() })),
    };
    const explains = explainsBy(() => this.library);
    const isDevice = (name: string): boolean => devices.includes(name);
    this.heard = new Map(nodes.map((node) => [node, new HeardNode({ explains, isDevice })]));
  }

  get library(): ListLibrary {
    const { published } = this.database.rows;
    if (published !== this.#libraryOf) this.#library = new ListLibrary(crypto, published);
    this.#libraryOf = published;
    return this.#library;
  }

  /** What a command on that node works with. */
  ports(node = 'n', database = this.database): WorldPorts {
    const store: Store = memoryStore(database, this.nodes.length > 1 ? node : undefined);
    const readBeliefs = (): ReturnType<HeardNode['stored']> => this.#heardBy(node).stored();
    const clock = { nowMs: () => this.nowMs };
    const again: WorldPorts['verifyAgain'] = (bytes, check) =>
      verifyAgain(bytes, { ...check, nowSeconds: this.nowMs / 1000 });
    return {
      store,
      crypto,
      clock,
      verifyAgain: again,
      keyFiles,
      signers,
      issuer: this.#issuer,
      readBeliefs,
      sha512Models: this.#sha512Models,
    };
  }

  /** A backup taken from here and a folder to bring it back in. */
  restored(rows: Rows): {
    readonly ports: WorldPorts;
    readonly database: Database;
    readonly old: ContinueRequest['old'];
  } {
    const database = { ...this.database, rows };
    return { ports: this.ports('n', database), database, old: this.ports() };
  }

  #heardBy(node: string): HeardNode {
    const heard = this.heard.get(node);
    if (heard === undefined) throw new Error(`no node ${node}`);
    return heard;
  }

  /** What is in force from now on is told before phones get it. */
  serve(): void {
    for (const [node, heard] of this.heard) heard.serving(this.lists(node));
  }

  lists(node: string): readonly PublishedList[] {
    return currentLists(this.database.rows).filter((list) => list.node === node);
  }

  /** Who signs files of phones that ask this node. */
  async signerInUse(node = 'n'): Promise<CertificateFacts> {
    const { rows } = this.database;
    if (this.#signers?.of !== rows) this.#signers = { of: rows, byNode: new Map() };
    const known = this.#signers.byNode.get(node);
    if (known !== undefined) return known;
    const view = await readClusterView(this.ports(node).store, crypto);
    const signer = inUse(trustInputOf(view, node), 'callmanager', node);
    this.#signers.byNode.set(node, signer);
    return signer;
  }

  /** A boot in the field: the phone remembers, and the server hears it. Gives the name of the configuration it took. */
  async boot(phone: TestPhone, node: string): Promise<string | undefined> {
    if (phone.home === 'B') {
      const { held, accepted } = await readConfig(crypto, phone.held, phone.reading, clusterB);
      phone.held = held;
      return accepted;
    }
    const fetch = async (name: string): Promise<FetchAnswer> => {
      const answer = await this.fetch(node, name);
      this.observe(node, phone, name, answer.kind === 'bytes' ? 'delivered' : 'asked');
      return answer;
    };
    const { held, accepted } = await readConfig(crypto, phone.held, phone.reading, fetch, {
      ...(phone.asksTvs && { askTvs: await this.#tvsFor(phone, phone.asksTvs, node) }),
      nowSeconds: this.nowMs / 1000,
    });
    phone.held = held;
    if (accepted?.endsWith('.sgn') !== true || !phone.proved) return accepted;
    const signer = await this.signerInUse(node);
    this.#heardBy(node).showedBelief(phone.name, phone.address, signer, this.nowMs);
    return accepted;
  }

  /** The TVS of that node, which tells every node whom it vouched to. */
  async #tvsFor(
    { name, address }: TestPhone,
    answers: (roles: readonly Role[]) => boolean,
    node: string,
  ): Promise<(signer: TvsSigner) => TvsAnswer> {
    const view = await readClusterView(this.ports(node).store, crypto);
    const { der: server } = inUse(trustInputOf(view, node), 'tvs', node);
    const snapshot = takeSnapshot(crypto, this.database.rows.certificates, node, this.nowMs);
    return (signer) => {
      const question = { command: 'query-request', session: 1, device: name, ...signer } as const;
      const { vouched } = answerTvs(snapshot, question).response;
      if (vouched === undefined || !('certificate' in vouched)) return { kind: 'refused', server };
      if (!answers(vouched.roles)) return { kind: 'unreachable' };
      if (vouched.roles.some(signsFiles) && this.tellsAskers)
        for (const heard of this.heard.values()) heard.vouched(address, this.nowMs);
      return { kind: 'vouched', server, certificate: vouched.certificate, roles: vouched.roles };
    };
  }

  /** Would it take a configuration, if it booted? Nothing is remembered but the answer. */
  async hasPath(
    state: PhoneState,
    reading: PhoneReading,
    node: string,
    at: TestPhone['home'] = 'here',
  ): Promise<boolean> {
    const question = `${reading.lists} ${reading.files} ${reading.sha512} ${at === 'B' ? at : await this.#served(node)}`;
    const answers = this.#answers.get(state) ?? new Map<string, boolean>();
    this.#answers.set(state, answers);
    const known = answers.get(question);
    if (known !== undefined) return known;
    const fetch = at === 'B' ? clusterB : (name: string) => this.fetch(node, name);
    const { accepted } = await readConfig(crypto, { ...state, vouched: {} }, reading, fetch);
    answers.set(question, accepted !== undefined);
    return accepted !== undefined;
  }

  /** What a boot meets there, in one word. */
  async #served(node: string): Promise<string> {
    const lists = this.lists(node).map(({ sha256 }) => sha256);
    const { hash } = this.database.rows.cluster;
    return [...lists, (await this.signerInUse(node)).fingerprint, hash].join(' ');
  }

  async fetch(node: string, name: string): Promise<FetchAnswer> {
    const list = this.lists(node).find(({ kind }) => name === listFileNames[kind]);
    if (list !== undefined) return { kind: 'bytes', bytes: list.bytes };
    return configOf(name, await this.signerInUse(node), this.database.rows.cluster.hash);
  }

  observe(
    node: string,
    from: Pick<TestPhone, 'address' | 'proved'>,
    name: string,
    kind: Observation['kind'],
  ): void {
    const { address, proved } = from;
    const seen = { kind, name, address, transport: proved ? 'http' : 'tftp', proved, durationMs: 1 } as const;
    this.#heardBy(node).observe(seen, this.nowMs);
  }

  /** A phone that holds these lists and nothing else. */
  holding(key: PairKey): PhoneState | undefined {
    const known = this.#holding.get(key);
    const bytes = known === undefined ? this.library.bytes(key) : undefined;
    if (bytes === undefined) return known;
    const hex = (list: Uint8Array | undefined): string | null =>
      list === undefined ? null : Buffer.from(list).toString('hex');
    const state = { ...newPhone('SEP00BB00000001'), ctl: hex(bytes.ctl), itl: hex(bytes.itl) };
    this.#holding.set(key, state);
    return state;
  }
}

export function firstRows(nodes: readonly string[], devices: readonly string[]): Rows {
  const own = [
    { purpose: 'itlrecovery' as const, node: undefined, certificate: firstOf('itlrecovery') },
    ...nodes.flatMap((node) => [
      { purpose: 'callmanager' as const, node, certificate: firstOf('callmanager', node) },
      { purpose: 'tvs' as const, node, certificate: firstOf('tvs', node) },
    ]),
  ];
  return {
    cluster: { id: 'A', mode: 'nonsecure' satisfies ClusterMode, hash: 'sha1', createdMs },
    nodes: nodes.map((name) => ({ name, createdMs })),
    devices,
    certificates: own.map(({ purpose, node, certificate: { der, fingerprint } }, at) => ({
      id: at + 1,
      store: 'own',
      purpose,
      node,
      der,
      fingerprint,
      provenance: 'issued',
      addedMs: createdMs,
      retiredMs: undefined,
    })),
    rotations: [],
    published: [],
    current: undefined,
    last: 0,
    floorSeconds: 0,
    signed: new Map(),
    homes: new Map(),
  };
}

/**
 * Random fleets before one proxy (design.md §3–4): clusters, modes, beliefs, moves, outages, phones behind one address,
 * forged requests. Phones boot in their order and judge what they get; every byte is judged by the second verifier too.
 */
import { expect, it } from 'vitest';
import type { Evidence } from '../../../src/core/cluster/evidence.ts';
import type { Device } from '../../../src/core/cluster/model.ts';
import { OriginMemory } from '../../../src/core/cluster/origin-memory.ts';
import type { Resolution } from '../../../src/core/files/resolution.ts';
import { judgeFile } from '../../../src/core/trust/judge.ts';
import { createChain } from '../../../src/files/chain.ts';
import type { Link } from '../../../src/files/link.ts';
import { createOriginLink } from '../../../src/files/origin.ts';
import { verifyAgain } from '../../../src/node/second-verifier.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { a, b, ctlRecords, itlRecords, role, stranger, type TestCluster } from '../../helpers/clusters.ts';
import { FakeRemotes, remoteCluster } from '../../helpers/fake-remotes.ts';
import { day, now, record, signBytes, trustList, type Party } from '../../helpers/trust-builder.ts';
import { seeded } from '../../helpers/prng.ts';
import { remembering } from '../../helpers/trust-vectors.ts';

const crypto = remembering(createVerifier());
const seeds = 1_000;
const names = ['AppDialRules.xml.sgn', 'Ringlist.xml.sgn', 'Ringlist.xml', 'x.loads'] as const;
type Id = 'a' | 'b' | 'here';
type Files = ReadonlyMap<string, Uint8Array>;

/** The proxy has one key for everything. */
const proxy: TestCluster = { sast: stranger, callmanager: stranger, tvs: stranger };
const clusters: Readonly<Record<Id, TestCluster>> = { a, b, here: proxy };
const bytes = (buffer: Uint8Array): Uint8Array => Uint8Array.from(buffer);
const cache = new Map<string, Uint8Array>();

function once(key: string, make: () => Uint8Array): Uint8Array {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = bytes(make());
  cache.set(key, made);
  return made;
}

function signed(by: Party, name: string): Uint8Array {
  return once(`${name} ${by.key.asymmetricKeyType} ${by.der.toString('hex', 0, 64)}`, () =>
    signBytes({ by, as: name, timestamp: now - day, content: Buffer.from(name) }),
  );
}

/** What a cluster publishes; one that trusts the proxy names its signer in its lists. */
function publish(id: Id, mixed: boolean, trustsProxy: boolean): Files {
  const { sast, callmanager } = clusters[id];
  const also = trustsProxy ? [record({ role: role.tftp, of: stranger })] : [];
  const records = (own: readonly Buffer[]): Buffer[] =>
    id === 'here'
      ? [
          record({ role: role.sast, of: stranger }),
          record({ role: role.sast, of: a.tvs }),
          record({ role: role.ccmTftp, of: stranger }),
        ]
      : [...own, ...also];
  const list = (as: string, by: Party, own: readonly Buffer[]): [string, Uint8Array] => [
    as,
    once(`${id} ${as} ${trustsProxy}`, () =>
      trustList({ by, as, timestamp: now - day, records: records(own) }),
    ),
  ];
  return new Map<string, Uint8Array>([
    list('ITLFile.tlv', sast, itlRecords(clusters[id])),
    ...(mixed ? [list('CTLFile.tlv', id === 'here' ? sast : callmanager, ctlRecords(clusters[id]))] : []),
    ...names.map((name): [string, Uint8Array] =>
      name.endsWith('.sgn')
        ? [name, signed(callmanager, name)]
        : [name, once(`${id} ${name}`, () => Buffer.from(`${id} ${name}`))],
    ),
  ]);
}

const ids = new WeakMap<Uint8Array, number>();
const verdicts = new Map<string, string | undefined>();

/** Contents are made once, so what was said of one is said once: a thousand fleets cost a few hundred signatures. */
function verdict(
  who: string,
  name: string,
  contents: readonly (Uint8Array | undefined)[],
  say: () => string | undefined,
) {
  const key = contents.map((content) => {
    if (content === undefined) return 0;
    const id = ids.get(content) ?? ++lastId;
    ids.set(content, id);
    return id;
  });
  const question = `${who} ${name} ${key.join(' ')}`;
  if (!verdicts.has(question)) verdicts.set(question, say());
  return verdicts.get(question);
}
let lastId = 0;

/** Why this phone refuses it. */
function refusal(phone: Phone, name: string, content: Uint8Array): string | undefined {
  return verdict('phone', name, [phone.ctl, phone.itl, content], () => {
    const { phone: word, reason } = judgeFile(crypto, phone, { name, bytes: content }, now);
    return word === 'reject' ? reason : undefined;
  });
}

interface Phone {
  readonly name: string;
  readonly address: string;
  readonly transport: 'http' | 'tftp';
  ctl: Uint8Array | undefined;
  itl: Uint8Array | undefined;
  /** Where it is registered; `undefined` for nobody's. */
  at: Id | undefined;
}

class World {
  readonly files = new FakeRemotes(['a', 'b']);
  readonly memory = new OriginMemory();
  readonly own = new Set<string>();
  readonly published: Readonly<Record<Id, Files>>;
  readonly phones: readonly Phone[];
  readonly tally = { served: 0, lists: 0, told: 0, missing: 0 };
  readonly #random: () => number;
  readonly #chain: ReturnType<typeof createChain>;
  #nowMs = now * 1000;

  constructor(seed: number) {
    this.#random = seeded(seed);
    const covered = { a: this.#chance(0.4), b: this.#chance(0.4) };
    const mixed = { a: this.#chance(0.5), b: this.#chance(0.5), here: this.#chance(0.5) };
    this.published = {
      a: publish('a', mixed.a, covered.a),
      b: publish('b', mixed.b, covered.b),
      here: publish('here', mixed.here, false),
    };
    for (const id of ['a', 'b'] as const)
      for (const [name, content] of this.published[id])
        if (!names.some((some) => some === name) || this.#chance(0.8))
          this.files.of(id).files.set(name, content);
    const addresses = this.#chance(0.5) ? ['10.0.0.1', '10.0.0.2'] : ['10.0.0.1'];
    this.phones = Array.from({ length: 5 }, (_, i) => this.#phone(i, addresses));
    const evidence = (['a', 'b'] as const).map((cluster): Evidence => ({
      cluster,
      server: `192.0.2.${cluster.charCodeAt(0)}:69`,
      signer: 'proxy',
      seenMs: this.#nowMs + 86_400_000,
      ctl: mixed[cluster] ? (covered[cluster] ? 'names' : 'silent') : 'absent',
      itl: covered[cluster] ? 'names' : 'silent',
      tvs: 'unknown',
    }));
    const pin = { fingerprint: 'pinned', pinnedMs: 0 };
    const common = this.#chance(0.5) ? 'local' : 'auto';
    const origin = createOriginLink({
      remotes: [remoteCluster('a', { pin, common }), remoteCluster('b', { pin, common })],
      files: this.files,
      memory: this.memory,
      store: {
        findHome: () => Promise.resolve(undefined),
        findDevice: (name) => Promise.resolve(this.own.has(name) ? ({ name } as Device) : undefined),
      },
      evidence,
      signer: 'proxy',
      beliefsAccept: () => 'unknown',
      autoRegistration: this.#chance(0.5),
      peers: new Set(),
      clock: { nowMs: () => this.#nowMs },
    });
    this.#chain = createChain({ links: { origin, local: this.#hereLink() }, onEvent: () => undefined });
  }

  async run(): Promise<void> {
    for (let step = 0; step < 12; step++) {
      this.#nowMs += Math.floor(this.#random() * 600_000);
      for (const id of ['a', 'b'] as const) this.files.of(id).silent = this.#chance(0.15);
      if (this.#chance(0.3)) this.#move(this.#pick(this.phones));
      if (this.#chance(0.5)) await this.#forge();
      await this.#boot(this.#pick(this.phones));
    }
  }

  #phone(i: number, addresses: readonly string[]): Phone {
    const name = `SEP00000000000${i}`;
    const at = this.#pick(['a', 'b', 'here', 'a', 'b', undefined] as const);
    const isFresh = this.#chance(0.3) || at === undefined;
    const lists = at === undefined ? undefined : this.published[at];
    if (at !== undefined) this.#place(name, at);
    return {
      name,
      address: this.#pick(addresses),
      transport: this.#pick(['http', 'tftp'] as const),
      ctl: isFresh ? undefined : lists?.get('CTLFile.tlv'),
      itl: isFresh ? undefined : lists?.get('ITLFile.tlv'),
      at,
    };
  }

  #place(device: string, id: Id): void {
    if (id === 'here') this.own.add(device);
    else
      this.files
        .of(id)
        .files.set(`${device}.cnf.xml.sgn`, signed(clusters[id].callmanager, `${device}.cnf.xml.sgn`));
  }

  #isAt(device: string, id: Id): boolean {
    return id === 'here' ? this.own.has(device) : this.files.of(id).files.has(`${device}.cnf.xml.sgn`);
  }

  /** Added there, and some time later deleted here: both, as administrators do. */
  #move(phone: Phone): void {
    if (phone.at === undefined) return;
    const places = (['a', 'b', 'here'] as const).filter((id) => this.#isAt(phone.name, id));
    if (places.length > 1) {
      for (const id of places)
        if (id !== phone.at) {
          if (phone.at === 'here') this.own.delete(phone.name);
          else this.files.of(phone.at).files.delete(`${phone.name}.cnf.xml.sgn`);
          phone.at = id;
          return;
        }
    } else this.#place(phone.name, this.#pick((['a', 'b', 'here'] as const).filter((id) => id !== phone.at)));
  }

  /** Requests in somebody else's name that nobody completes, and marks that anybody can send. */
  async #forge(): Promise<void> {
    const victim = this.#pick(this.phones);
    const named = this.#pick(this.phones).name;
    await this.#ask(`${named}.cnf.xml.sgn`, victim.address, 'tftp');
    await this.#ask(
      this.#pick(['ITLFile.tlv', 'CTLFile.tlv', ...names]),
      victim.address,
      'tftp',
      'ffffffffffffffff',
    );
  }

  #ask(name: string, address: string, transport: 'http' | 'tftp', hop?: string): Promise<Resolution> {
    return this.#chain.resolve({ name, address, transport, port: 1, ...(hop !== undefined && { hop }) });
  }

  async #boot(phone: Phone): Promise<void> {
    for (const kind of ['ctl', 'itl'] as const) {
      const upper = kind.toUpperCase();
      const first = await this.#get(phone, `${upper}${phone.name}.tlv`);
      if (first === 'not-found') await this.#get(phone, `${upper}File.tlv`);
    }
    const config = await this.#get(phone, `${phone.name}.cnf.xml.sgn`);
    if (phone.at !== undefined)
      expect(config, 'a device that somebody has never meets a not-found').not.toBe('not-found');
    if (config === 'served') for (const name of names) await this.#get(phone, name);
    else if (config === 'not-found') await this.#get(phone, 'XMLDefault.cnf.xml');
  }

  async #get(phone: Phone, name: string): Promise<Resolution['kind']> {
    const resolution = await this.#ask(name, phone.address, phone.transport);
    if (resolution.kind !== 'served') {
      this.#mayBeWithheld(phone, name, resolution);
      return resolution.kind;
    }
    if (resolution.content.kind !== 'memory') throw new Error('files of this world are in memory');
    const { bytes: content } = resolution.content;
    const said = (): string =>
      `${phone.name} of ${phone.at} ${name} by ${resolution.by}\n${JSON.stringify(resolution.trace, null, 1)}`;
    this.#follow(phone, name, resolution.by);
    this.tally.served++;
    const from: Id = resolution.by === 'remote a' ? 'a' : resolution.by === 'remote b' ? 'b' : 'here';
    if (name.endsWith('.tlv')) this.#takeList(phone, name, content, said);
    else {
      // A phone that trusts nobody's lists yet asks for plain names; here all ask for signed ones.
      const refused = name.endsWith('.sgn')
        ? (refusal(phone, name, content) ?? this.#secondRefusal(phone, name, content, from))
        : this.#otherBytes(name, content, from);
      if (refused !== undefined) expect.fail(`${refused}\n${said()}`);
    }
    if (phone.transport === 'tftp' && resolution.by !== 'nobody' && /SEP/.test(name))
      this.memory.sources.note(phone.address, phone.name, 'weak', this.#nowMs);
    return 'served';
  }

  /** Somebody made a path before the phone was moved: it holds the lists of where its configuration comes from. */
  #follow(phone: Phone, name: string, by: string): void {
    if (!/SEP/.test(name) || phone.at === undefined) return;
    const from: Id = by === 'remote a' ? 'a' : by === 'remote b' ? 'b' : 'here';
    expect(
      this.#isAt(phone.name, from) || phone.at === from || this.memory.homes.get(phone.name) !== undefined,
    ).toBe(true);
    if (phone.itl === undefined && phone.ctl === undefined) return;
    phone.itl = this.published[from].get('ITLFile.tlv');
    phone.ctl = this.published[from].get('CTLFile.tlv');
  }

  /** By the lists that the phone holds; where it holds none, by those of whoever the copy is from. */
  #secondRefusal(phone: Phone, name: string, content: Uint8Array, from: Id): string | undefined {
    const held = [phone.ctl, phone.itl].filter((list) => list !== undefined);
    const lists =
      held.length > 0 ? held : ['CTLFile.tlv', 'ITLFile.tlv'].map((list) => this.published[from].get(list));
    const refusals = lists.flatMap((previousList) =>
      previousList === undefined
        ? []
        : [
            verdict('second', name, [previousList, content], () =>
              verifyAgain(content, { name, previousList, nowSeconds: now }),
            ),
          ],
    );
    return refusals.includes(undefined) ? undefined : `second verifier: ${refusals.join('; ')}`;
  }

  /** Nothing signs them: they must be the very bytes that somebody published. */
  #otherBytes(name: string, content: Uint8Array, from: Id): string | undefined {
    return content === this.published[from].get(name) ? undefined : 'not what was published';
  }

  #takeList(phone: Phone, name: string, content: Uint8Array, said: () => string): void {
    this.tally.lists++;
    const kind = name.startsWith('CTL') ? 'ctl' : 'itl';
    const file = `${kind.toUpperCase()}File.tlv`;
    const refused =
      refusal(phone, name, content) ??
      verdict('second', file, [phone[kind], content], () =>
        verifyAgain(content, { name: file, previousList: phone[kind] }),
      );
    if (refused !== undefined) expect.fail(`${refused}\n${said()}`);
    // Never a foreign list: it is that of a cluster which has the device, or had it when its home was last seen.
    const home = this.memory.homes.get(phone.name)?.home;
    const id: Id | undefined =
      home?.kind === 'remote' ? (home.cluster as Id) : home?.kind === 'here' ? 'here' : undefined;
    if (id === undefined || content !== this.published[id].get(file)) expect.fail(`foreign: ${said()}`);
    phone[kind] = content;
  }

  /** A file of the device's own, at a home that answers, is never withheld. */
  #mayBeWithheld(phone: Phone, name: string, resolution: Resolution): void {
    if (resolution.kind === 'retry') this.tally.told++;
    else this.tally.missing++;
    const silent = (['a', 'b'] as const).some((id) => this.files.of(id).silent);
    if (silent || phone.at === undefined) return;
    const said = (): string =>
      `${phone.name} of ${phone.at} ${name}\n${JSON.stringify(resolution.trace, null, 1)}`;
    if (name === `${phone.name}.cnf.xml.sgn`) expect.fail(`withheld: ${said()}`);
    const alone = this.phones.every((other) => other === phone || other.address !== phone.address);
    if (alone && resolution.kind === 'retry' && !name.endsWith('File.tlv') && phone.transport === 'http')
      expect.fail(`asked to come back: ${said()}`);
  }

  #hereLink(): Link {
    return {
      name: 'local',
      answer: async ({ name }) => {
        await Promise.resolve();
        const content = this.#hereFile(name.asked, name.device);
        if (content === undefined) return { kind: 'not-found' };
        return {
          kind: 'served',
          content: { kind: 'memory', bytes: content },
          by: 'local',
          freshForMs: 1,
          modifiedMs: 0,
        };
      },
    };
  }

  #hereFile(name: string, device: string | undefined): Uint8Array | undefined {
    if (device === undefined) return this.published.here.get(name);
    if (!this.own.has(device)) return undefined;
    if (/^(?:CTL|ITL)/.test(name)) return this.published.here.get(`${name.slice(0, 3)}File.tlv`);
    return name === `${device}.cnf.xml.sgn` ? signed(stranger, name) : undefined;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(from: readonly T[]): T {
    let left = Math.floor(this.#random() * from.length);
    for (const one of from) if (left-- === 0) return one;
    throw new Error('there is nothing to pick from');
  }
}

it(`${seeds} random fleets: nothing foreign, nothing refused, nothing of its own withheld`, async () => {
  const total = { served: 0, lists: 0, told: 0, missing: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const world = new World(seed);
    await world.run().catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    });
    for (const key of ['served', 'lists', 'told', 'missing'] as const) total[key] += world.tally[key];
  }
  expect(total.served).toBeGreaterThan(20_000);
  expect(total.lists).toBeGreaterThan(5_000);
}, 240_000);

/**
 * The `origin` link: performs what core/files/origin.ts decides, and notes home, evidence and row in the trace. It
 * stands above all links that answer from here, and only where there are remote clusters.
 *
 * Whatever depends on the requester is given to the requester only. Firmware and files of devices of ours are
 * everybody's, a peer's answer is its own.
 */
import { homesAskedPerRequestMax } from '../base/limits.ts';
import { coverOf, type Cover, type Evidence } from '../core/cluster/evidence.ts';
import {
  decideHome,
  describeHome,
  type Home,
  type RememberedHome,
  type SettledHome,
} from '../core/cluster/home.ts';
import { sameHome, type OriginMemory } from '../core/cluster/origin-memory.ts';
import { serverKey } from '../core/cluster/remote-store.ts';
import type { ClusterId, RemoteAnswer, RemoteClaim, RemoteCluster } from '../core/cluster/remote.ts';
import type { Proof } from '../core/cluster/source-memory.ts';
import { parseFileName, type FileName } from '../core/files/file-name.ts';
import {
  decideOrigin,
  isUuidName,
  type Asker,
  type HereAnswer,
  type OriginAction,
  type ThereAnswer,
  type Who,
} from '../core/files/origin.ts';
import type { RemoteAsk, RemoteFiles, Store, WallClock } from '../core/ports.ts';
import type { Acceptance } from '../core/trust/list-library.ts';
import { notFound, note } from './link.ts';
import { withoutSignature } from './stripped.ts';
import type { Answer, Below, Link, Lookup } from './link.ts';

export interface OriginOptions {
  readonly remotes: readonly RemoteCluster[];
  readonly files: RemoteFiles;
  readonly memory: OriginMemory;
  readonly store: Pick<Store, 'findHome' | 'findDevice'>;
  readonly evidence: readonly Evidence[];
  /** SHA-256 of our signer's certificate. */
  readonly signer: string;
  /** The device's own recorded beliefs (design.md §5). */
  readonly beliefsAccept: (device: string, signer: string) => Acceptance;
  readonly autoRegistration: boolean;
  /** Addresses from which nobody but a peer asks. */
  readonly peers: ReadonlySet<string>;
  readonly clock: WallClock;
  /** `explain` knows who asks, whatever was seen at the address. */
  readonly assume?: string | undefined;
}

export function createOriginLink(options: OriginOptions): Link {
  return {
    name: 'origin',
    async answer(lookup, below) {
      // The place of a rejected name (chain.ts): nobody elsewhere is asked for it.
      if (lookup.name.asked.startsWith('.')) return below(lookup);
      return new Question(options, lookup, below).answer();
    },
  };
}

/** One request on its way to a decision. */
class Question {
  readonly #options: OriginOptions;
  readonly #lookup: Lookup;
  readonly #below: Below;
  readonly #fromPeer: boolean;
  readonly #there = new Map<ClusterId, RemoteAnswer>();
  #here: Answer | undefined;

  constructor(options: OriginOptions, lookup: Lookup, below: Below) {
    this.#options = options;
    this.#lookup = lookup;
    this.#below = below;
    const { hop, address } = lookup.request;
    this.#fromPeer = hop !== undefined || options.peers.has(address);
  }

  async answer(): Promise<Answer> {
    const { name, request } = this.#lookup;
    let who: Who = this.#fromPeer ? nobody : await this.#whoAsks();
    let answer = await this.#decide(who);
    if (who.kind === 'device' && name.device !== undefined) {
      const next = await this.#homeAfter(who.home, name.device);
      if (next !== undefined) {
        who = { kind: 'device', home: next };
        answer = await this.#decide(who);
      }
      this.#noteSource(name.device, request.transport === 'tftp' ? 'tftp' : 'tcp', answer);
    }
    return answer;
  }

  async #decide(who: Who): Promise<Answer> {
    const { remotes, memory, autoRegistration } = this.#options;
    const { name } = this.#lookup;
    const uuid = isUuidName(name) ? name.base.toLowerCase() : undefined;
    for (;;) {
      const action = decideOrigin({
        name,
        fromPeer: this.#fromPeer,
        who,
        here: this.#here && hereWord(this.#here),
        there: new Map([...this.#there].map(([cluster, answer]) => [cluster, thereWord(answer)])),
        common: (id) => remotes.find((remote) => remote.id === id)?.common ?? 'auto',
        uuidHome: uuid === undefined ? undefined : memory.uuids.get(uuid),
        autoRegistration,
      });
      if (action.kind === 'ask-here') this.#here = await this.#below(this.#lookup);
      else if (action.kind === 'ask-there')
        this.#there.set(action.cluster, await this.#askThere(action.cluster, who));
      else {
        if (uuid !== undefined && !this.#fromPeer) rememberUuid(memory, uuid, action);
        return this.#perform(action, who);
      }
    }
  }

  #perform(action: Exclude<OriginAction, { kind: 'ask-here' | 'ask-there' }>, who: Who): Answer {
    const { row, because } = action;
    const from = 'cluster' in action ? ` from ${action.cluster}` : '';
    note(this.#lookup, 'origin', `row ${row}, ${action.kind.replaceAll('-', ' ')}${from}: ${because}`);
    switch (action.kind) {
      case 'serve-here':
        return this.#here?.kind === 'served'
          ? { ...this.#here, requesterOnly: !this.#isEverybodys(row, who) }
          : gone;
      case 'serve-there':
        return this.#serveThere(action.cluster);
      case 'not-found':
        return { ...notFound, requesterOnly: !this.#isEverybodys(row, who) };
      case 'retry':
        return { kind: 'retry', reason: because, requesterOnly: true };
    }
  }

  /** The same for a phone, a peer and a stranger. */
  #isEverybodys(row: number, who: Who): boolean {
    if (this.#fromPeer) return false;
    return (
      this.#here !== undefined &&
      (row === 1 || (row === 2 && who.kind === 'device' && who.home.kind === 'here'))
    );
  }

  #serveThere(cluster: ClusterId): Answer {
    const { request, name } = this.#lookup;
    const found = this.#there.get(cluster);
    if (found?.kind !== 'have') return gone;
    const by = `remote ${cluster}`;
    note(this.#lookup, by, `${serverKey(found.server)} has it${judged(found)}`);
    const served = { kind: 'served', by, freshForMs: 0, modifiedMs: 0, requesterOnly: true } as const;
    if (request.transport !== 'https' || name.kind !== 'config' || !name.signed)
      return { ...served, content: found.content };
    // TLS named us and not the home: without a signature that was checked nothing vouches for the bytes.
    const plain = found.judgement?.phone === 'accept' ? withoutSignature(found.content) : undefined;
    if (plain !== undefined) return { ...served, content: plain };
    return {
      kind: 'refused',
      reason: 'not verified, so not given without its signature',
      requesterOnly: true,
    };
  }

  async #askThere(cluster: ClusterId, who: Who): Promise<RemoteAnswer> {
    const { files } = this.#options;
    const { name } = this.#lookup;
    const ask = this.#ask(who.kind === 'device');
    const answer = await files.fetch(cluster, name.asked, ask);
    const list = answer.kind === 'not-found' ? clusterListFor(name) : undefined;
    if (list === undefined) return answer;
    // The home's list under the device's name makes the un-named request, that nobody could place, rare.
    note(this.#lookup, 'origin', `${cluster} has no list of this device; its ${list} is asked`);
    return files.fetch(cluster, list, ask);
  }

  #ask(known: boolean): RemoteAsk {
    const { request, name } = this.#lookup;
    return { address: request.address, device: name.device, known };
  }

  async #whoAsks(): Promise<Who> {
    const { name, request } = this.#lookup;
    if (name.device !== undefined)
      return { kind: 'device', home: await this.#homeOf(name.device, new Map()) };
    const { memory, clock, assume } = this.#options;
    const seen = memory.sources.candidates(request.address, clock.nowMs());
    const { devices, more, moreAsked } =
      assume === undefined
        ? seen
        : { devices: [{ device: assume, proof: 'proved' as const }], more: false, moreAsked: false };
    const askers: Asker[] = [];
    let asked = 0;
    for (const { device, proof } of devices) {
      const home =
        this.#rememberedHome(device) ??
        (asked++ < homesAskedPerRequestMax ? await this.#homeOf(device, new Map()) : unknownHome);
      askers.push({ home, proof, covered: this.#isCovered(device, home, devices.length) });
    }
    return { kind: 'address', askers, more, moreAsked, overTcp: request.transport !== 'tftp' };
  }

  /** Of a device that was seen: its home, however old, but where nobody had it a while ago. */
  #rememberedHome(device: string): Home | undefined {
    const { memory, remotes } = this.#options;
    const home = memory.homes.get(device)?.home;
    if (home === undefined || home.kind === 'nowhere') return undefined;
    if (home.kind === 'remote' && !remotes.some(({ id }) => id === home.cluster)) return undefined;
    return home;
  }

  /** Only where a signature of ours is in question. */
  #isCovered(device: string, home: Home, devices: number): boolean {
    const { name } = this.#lookup;
    if (home.kind === 'here' || name.kind !== 'cosmetic' || !name.signed) return false;
    const cover = coverOfDevice(this.#options, device, home);
    if (devices === 1)
      note(
        this.#lookup,
        'evidence',
        `${cover.covered ? 'covers' : 'does not cover'} ${device}: ${cover.because}`,
      );
    return cover.covered;
  }

  async #homeOf(device: string, claims: Map<ClusterId, RemoteClaim>): Promise<Home> {
    const { memory, store, files, remotes, clock } = this.#options;
    const remembered = memory.homes.get(device) ?? (await store.findHome(device));
    const local = await this.#isLocal(device);
    const ask = { ...this.#ask(remembered?.home.kind === 'remote'), device };
    for (;;) {
      const nowMs = clock.nowMs();
      const decision = decideHome({ local, remotes: remotes.map(({ id }) => id), remembered, claims, nowMs });
      if (decision.kind === 'settled') {
        const { home, remember, because } = decision;
        if (remember !== undefined) this.#learn(device, remember, remembered);
        else if (remembered !== undefined && memory.homes.get(device) === undefined)
          memory.remember(device, remembered.home, remembered.confirmedMs, false);
        note(this.#lookup, 'home', `${device} is ${describeHome(home)}: ${because}`);
        return home;
      }
      const found = await files.search(device, ask, decision.among);
      for (const id of decision.among) claims.set(id, found.claims.get(id) ?? 'silent');
      note(
        this.#lookup,
        'home',
        `asked ${decision.among.map((id) => `${id} (${claims.get(id)})`).join(', ')}: ${decision.because}`,
      );
    }
  }

  /**
   * A home that lacks the configuration may be home no longer: it is asked for the device itself, once. Not-found for
   * another name of the device is normal and says nothing.
   */
  async #homeAfter(home: Home, device: string): Promise<Home | undefined> {
    if (home.kind !== 'remote' || this.#lookup.name.kind !== 'config') return undefined;
    const { memory, clock, files } = this.#options;
    const { cluster } = home;
    const { asked } = this.#lookup.name;
    const word = this.#there.get(cluster)?.kind;
    if (word === 'have') {
      memory.configGiven(asked, cluster);
      this.#learn(device, home, { home, confirmedMs: clock.nowMs() });
    }
    if (word !== 'not-found') return undefined;
    const found = await files.search(device, this.#ask(true), [cluster]);
    const claim = found.claims.get(cluster) ?? 'silent';
    if (claim === 'have')
      return memory.isConfigGoing(asked, cluster, clock.nowMs())
        ? { kind: 'unsettled', reason: `${cluster} had it a moment ago` }
        : undefined;
    const next = await this.#homeOf(device, new Map([[cluster, claim]]));
    return next.kind === 'remote' && next.cluster === cluster
      ? { kind: 'unsettled', reason: `${cluster} had it and is silent` }
      : next;
  }

  /** What another request found out since `before` is newer than what this one was told. */
  #learn(device: string, home: SettledHome, before: RememberedHome | undefined): void {
    const { memory, clock } = this.#options;
    const known = memory.homes.get(device);
    const isOvertaken = known !== undefined && (before === undefined || !sameHome(known.home, before.home));
    if (!isOvertaken || sameHome(known.home, home)) memory.remember(device, home, clock.nowMs(), true);
  }

  /** In the database, or a file of the provisioning directory in the device's own spelling. */
  async #isLocal(device: string): Promise<boolean> {
    if ((await this.#options.store.findDevice(device)) !== undefined) return true;
    const { name } = this.#lookup;
    const own = name.kind === 'config' && name.device === device ? [name.base] : [];
    for (const asked of new Set([...own, `${device}.cnf.xml`, `${device}.cnf.xml.sgn`])) {
      const parsed = parseFileName(asked);
      if (!parsed.ok) continue;
      const answer = await this.#below({ ...this.#lookup, name: parsed.value, exact: true, trace: [] });
      if (answer.kind === 'served' || answer.kind === 'retry') return true;
    }
    return false;
  }

  /** What the requester did by asking; a transfer's end is told by the edge. */
  #noteSource(device: string, path: 'tftp' | 'tcp', answer: Answer): void {
    const { memory, clock } = this.#options;
    // Whoever asked for a list of its own may ask for the un-named one next, whatever became of the first.
    const mayGoOn = answer.kind === 'not-found' || clusterListFor(this.#lookup.name) !== undefined;
    const proof: Proof | undefined = path === 'tcp' ? 'proved' : mayGoOn ? 'asked' : undefined;
    if (proof !== undefined) memory.sources.note(this.#lookup.request.address, device, proof, clock.nowMs());
  }
}

const nobody: Who = { kind: 'address', askers: [], more: false, moreAsked: false, overTcp: false };
const unknownHome: Home = { kind: 'unsettled', reason: 'more devices at this address than are asked about' };
const gone: Answer = { kind: 'retry', reason: 'the copy is gone', requesterOnly: true };

function coverOfDevice(options: OriginOptions, device: string, home: Home): Cover {
  const { remotes, evidence, signer, beliefsAccept, clock } = options;
  const remote = home.kind === 'remote' ? remotes.find(({ id }) => id === home.cluster) : undefined;
  return coverOf(
    evidence.filter(({ cluster }) => cluster === remote?.id),
    {
      servers: remote?.servers.map(({ tftp }) => serverKey(tftp)) ?? [],
      signer,
      pinned: remote?.pin !== undefined,
      beliefs: beliefsAccept(device, signer),
      nowMs: clock.nowMs(),
    },
  );
}

function hereWord(answer: Answer): HereAnswer {
  if (answer.kind === 'served') return 'have';
  return answer.kind === 'not-found' ? 'not-found' : 'retry';
}

function thereWord({ kind }: RemoteAnswer): ThereAnswer {
  return kind === 'busy' ? 'unreachable' : kind;
}

function clusterListFor({ kind }: FileName): string | undefined {
  if (kind === 'device-itl') return 'ITLFile.tlv';
  return kind === 'device-ctl' ? 'CTLFile.tlv' : undefined;
}

function rememberUuid(memory: OriginMemory, uuid: string, action: OriginAction): void {
  if (action.kind === 'serve-here') memory.uuids.set(uuid, { kind: 'here' });
  if (action.kind === 'serve-there') memory.uuids.set(uuid, { kind: 'remote', cluster: action.cluster });
}

function judged({ judgement }: Extract<RemoteAnswer, { kind: 'have' }>): string {
  return judgement === undefined
    ? ', not judged'
    : `, a phone there would ${judgement.phone} it (${judgement.code})`;
}

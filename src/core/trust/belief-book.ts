/**
 * Who was heard asking for what, turned into belief sets (design.md §5). TFTP shows a name and an address, nothing else:
 * a list fetched from an address may have gone to any phone that was seen there within a day.
 *
 * What it does not believe: behaviour from an address that speaks for several phones (a branch behind NAT, or somebody
 * who fetches a thousand names), from one of two addresses that claim a phone for themselves, or over a port where the
 * sender can be forged. All of these still add, which is the safe side. Names that are no device here are one number.
 */
import {
  addressMemoryMs,
  believedAddressesMax,
  devicesPerAddressMax,
  strangerNamesMax,
  unansweredKeptMax,
} from '../../base/limits.ts';
import type { TrustListKind } from '../cluster/model.ts';
import { parseFileName, type FileName } from '../files/file-name.ts';
import type { CertificateFacts } from '../ports.ts';
import { isAlone, type AddressMemory, type Claim } from './address-memory.ts';
import { nothing, type BeliefSets, type PairKey, type SetId } from './belief.ts';
import { deliveredAgain } from './delivered-again.ts';
import { remembered } from './deliveries.ts';
import { setAfterHandshake, withHandshake, type ExplainsHandshake, type Handshake } from './handshake.ts';
import { setAfterShowing, type ExplainsBelief } from './set-after-showing.ts';
import { pairsOf, setWithGaps } from './set-with-gaps.ts';

/** What the edge saw; crosses the pipe. */
export interface Observation {
  /** `delivered`: the last ACK, or a whole 200 body; `asked`: anything else with a phone's name in it. */
  readonly kind: 'asked' | 'delivered';
  readonly name: string;
  readonly address: string;
  readonly transport: 'tftp' | 'http' | 'https';
  /** TCP, or a transfer port of its own: who sent it has seen what we sent. */
  readonly proved: boolean;
  readonly durationMs: number;
}

/** What was being served while the observation was made: more than one when a publication fell into it. */
export interface ServedThen {
  readonly lists: readonly ServedList[];
  /** Fingerprint of whoever signed configurations; undefined: not told. */
  readonly fileSigner?: string | undefined;
}

export interface ServedList {
  readonly kind: TrustListKind;
  readonly sha256: string;
}

/** The first delivery of a list; where that one could be forged, the first that could not. */
export interface Delivery extends ServedList {
  readonly sinceMs: number;
  /** When it was delivered last, to deliveryGrainMs; undefined: at any time since. */
  readonly lastMs?: number;
  readonly how: 'tcp' | 'transfer-port' | 'single-port';
}

/** A phone showed that it takes files by this signer. */
export interface Showing {
  /** Fingerprint. */
  readonly signer: string;
  readonly atMs: number;
}

/** A signed configuration that was fetched, and no sign that it was taken. */
export interface UnansweredConfig {
  readonly atMs: number;
  /** Fingerprint of whoever signed it; undefined: not known. */
  readonly signer: string | undefined;
}

export interface DeviceBelief {
  readonly name: string;
  readonly set: SetId;
  /** Where it was heard last. */
  readonly address: string;
  readonly heardMs: number;
  /** Oldest first, at most deliveriesPerDeviceMax. */
  readonly deliveries: readonly Delivery[];
  /** When behaviour last disproved something; undefined: never. */
  readonly provedMs: number | undefined;
  /** The last time; undefined: never. */
  readonly showed?: Showing | undefined;
  /** The last with each kind of server. */
  readonly handshakes?: readonly Handshake[] | undefined;
  /** Configurations it fetched since it last showed that it took one. */
  readonly unansweredConfigs: number;
  /** The last of these, oldest first, at most unansweredKeptMax. */
  readonly unanswered?: readonly UnansweredConfig[] | undefined;
  /** Gaps up to this one are in `set`. */
  readonly gap: number;
}

/** Deliveries may have been missed: every phone may hold these pairs. */
export interface Gap {
  readonly number: number;
  readonly atMs: number;
  readonly pairs: readonly PairKey[];
}

/** Which pairs behave as seen. */
export interface Explains extends ExplainsBelief {
  asksForSigned(key: PairKey): boolean;
}

/** How much of the past is remembered of addresses. */
export interface BookBounds {
  readonly addresses: number;
  readonly devicesPerAddress: number;
}

const boundsOfField: BookBounds = {
  addresses: believedAddressesMax,
  devicesPerAddress: devicesPerAddressMax,
};

export class BeliefBook {
  readonly #sets: BeliefSets;
  readonly #explains: Explains;
  readonly #devices = new Map<string, DeviceBelief>();
  readonly #addresses = new Map<string, AddressMemory>();
  readonly #strangers = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #claims = new Map<string, Claim>();
  readonly #bounds: BookBounds;
  #gaps: readonly Gap[];
  #isDevice: (name: string) => boolean = () => false;

  constructor(
    sets: BeliefSets,
    explains: Explains,
    known: Iterable<DeviceBelief>,
    gaps: readonly Gap[],
    bounds: BookBounds = boundsOfField,
  ) {
    this.#bounds = bounds;
    this.#sets = sets;
    this.#explains = explains;
    this.#gaps = gaps;
    for (const belief of known) this.#devices.set(belief.name, belief);
  }

  get sets(): BeliefSets {
    return this.#sets;
  }

  /** Distinct names asked for that are no device of the database; counts no further than strangerNamesMax. */
  get strangers(): number {
    return this.#strangers.size;
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Which names the database knows, from now on. */
  knowDevices(isDevice: (name: string) => boolean): void {
    this.#isDevice = isDevice;
  }

  find(name: string): DeviceBelief | undefined {
    return this.#devices.get(name);
  }

  /** What every phone may hold from now on, heard of or not, until its behaviour says otherwise. */
  addGap(pairs: readonly PairKey[], nowMs: number): void {
    if (pairs.length === 0) return;
    const number = (this.#gaps.at(-1)?.number ?? 0) + 1;
    this.#gaps = [...this.#gaps, { number, atMs: nowMs, pairs }];
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** Those that changed since it was asked last. */
  takeChanged(max: number): readonly DeviceBelief[] {
    const taken: DeviceBelief[] = [];
    for (const name of this.#changed) {
      if (taken.length >= max) break;
      this.#changed.delete(name);
      const belief = this.#devices.get(name);
      if (belief !== undefined) taken.push(belief);
    }
    return taken;
  }

  /** Lists that left for addresses behind which no phone was seen: they belong into a gap when the memory ends. */
  unattributed(): readonly ServedList[] {
    const lists = new Map<string, ServedList>();
    for (const { devices, lists: delivered } of this.#addresses.values())
      if (devices.size === 0)
        for (const [key, { kind, sha256 }] of delivered) lists.set(key, { kind, sha256 });
    return [...lists.values()];
  }

  observe(seen: Observation, then: ServedThen, nowMs: number): void {
    const parsed = parseFileName(seen.name);
    if (!parsed.ok) return;
    const name = parsed.value;
    const memory = this.#memoryOf(seen.address, nowMs);
    const device = name.device === undefined ? undefined : this.#member(name.device);
    if (device !== undefined) this.#meet(memory, device, seen, nowMs);
    if (seen.kind === 'delivered') this.#delivered(seen, name, then, memory, device, nowMs);
    if (device !== undefined) this.#behaved(seen, name, then, memory, device, nowMs);
  }

  /** A phone showed that it took a file by this signer: pairs that do not believe it are disproved. */
  showedBelief(device: string, address: string, fileSigner: CertificateFacts, nowMs: number): void {
    const belief = this.#spokenFor(device, address, nowMs);
    if (belief === undefined) return;
    const set = setAfterShowing(this.#sets, belief.set, this.#explains, fileSigner);
    const showed = { signer: fileSigner.fingerprint, atMs: nowMs };
    this.#write({ ...belief, set, showed, provedMs: nowMs, unansweredConfigs: 0, unanswered: [] });
  }

  /** A phone named itself by its certificate (core/devices/named-by.ts): no address has to be believed. */
  shookHands(device: string, handshake: Handshake, explains: ExplainsHandshake): void {
    const belief = this.#devices.get(device);
    if (belief === undefined) return;
    const set = setAfterHandshake(this.#sets, belief, this.#gaps, handshake, explains);
    const handshakes = withHandshake(belief.handshakes, handshake);
    if (set !== belief.set || handshakes !== belief.handshakes) this.#write({ ...belief, set, handshakes });
  }

  /** It took a configuration whose signer a TVS may have vouched for: that says nothing of its lists. */
  tookFile(device: string, address: string, nowMs: number): void {
    const belief = this.#spokenFor(device, address, nowMs);
    if (belief !== undefined) this.#write({ ...belief, unansweredConfigs: 0, unanswered: [] });
  }

  #delivered(
    seen: Observation,
    name: FileName,
    { lists }: ServedThen,
    memory: AddressMemory,
    device: string | undefined,
    nowMs: number,
  ): void {
    const kind = listKinds[name.kind];
    if (kind === undefined) return;
    const how = !seen.proved ? 'single-port' : seen.transport === 'tftp' ? 'transfer-port' : 'tcp';
    for (const { sha256 } of lists.filter((list) => list.kind === kind)) {
      const delivery: Delivery = { kind, sha256, sinceMs: nowMs, lastMs: nowMs, how };
      if (device !== undefined) {
        this.#deliver(device, delivery);
        continue;
      }
      const key = `${kind} ${sha256}`;
      memory.lists.delete(key);
      memory.lists.set(key, delivery);
      for (const [resident, { lastMs }] of memory.devices)
        if (nowMs - lastMs <= addressMemoryMs) this.#deliver(resident, delivery);
    }
  }

  #deliver(device: string, delivery: Delivery): void {
    const belief = this.#devices.get(device);
    if (belief === undefined) return;
    const set = this.#sets.deliver(belief.set, delivery.kind, delivery.sha256);
    const known = belief.deliveries.find(({ sha256 }) => sha256 === delivery.sha256);
    const noted = known === undefined ? delivery : deliveredAgain(known, delivery);
    if (noted === known && set === belief.set) return;
    const deliveries =
      known === undefined
        ? remembered([...belief.deliveries, delivery])
        : belief.deliveries.map((each) => (each === known ? noted : each));
    this.#write({ ...belief, set, deliveries });
  }

  #behaved(
    seen: Observation,
    name: FileName,
    { fileSigner }: ServedThen,
    memory: AddressMemory,
    device: string,
    nowMs: number,
  ): void {
    if (name.kind !== 'config' && name.kind !== 'encrypted-config') return;
    const belief = this.#devices.get(device);
    if (belief === undefined) return;
    // Over TLS the configuration is not signed, and there is nothing to answer.
    if (seen.kind === 'delivered' && name.signed && seen.transport !== 'https') {
      const { unansweredConfigs, unanswered = [] } = belief;
      const fetched = [...unanswered, { atMs: nowMs, signer: fileSigner }].slice(-unansweredKeptMax);
      this.#write({ ...belief, unansweredConfigs: unansweredConfigs + 1, unanswered: fetched });
    } else if (!name.signed && seen.transport !== 'https') {
      // Asking for what nobody signed frees no phone of anything: somebody at a browser does the same.
      this.#write({ ...belief, set: this.#sets.add(belief.set, [nothing]) });
    } else if (name.signed && seen.proved && this.#speaksForItself(memory, device, seen.address, nowMs)) {
      const set = this.#sets.keep(belief.set, (key) => this.#explains.asksForSigned(key));
      if (set !== belief.set) this.#write({ ...belief, set, provedMs: nowMs });
    }
  }

  /** What is believed of a phone that speaks for itself at this address. */
  #spokenFor(device: string, address: string, nowMs: number): DeviceBelief | undefined {
    const memory = this.#addresses.get(address);
    const speaks = memory !== undefined && this.#speaksForItself(memory, device, address, nowMs);
    return speaks ? this.#devices.get(device) : undefined;
  }

  /** The address is this phone's alone, and no other address that speaks for one phone claims it. */
  #speaksForItself(memory: AddressMemory, device: string, address: string, nowMs: number): boolean {
    return isAlone(memory, device, nowMs) && this.#claims.get(device)?.address === address;
  }

  #meet(memory: AddressMemory, device: string, { address, proved }: Observation, nowMs: number): void {
    const resident = memory.devices.get(device);
    const known = resident ?? { lastMs: nowMs, provedMs: undefined };
    known.lastMs = nowMs;
    if (proved) known.provedMs = nowMs;
    if (resident === undefined && memory.devices.size < this.#bounds.devicesPerAddress)
      memory.devices.set(device, known);
    if (proved && isAlone(memory, device, nowMs)) this.#claim(device, address, nowMs);
    const belief = this.#devices.get(device) ?? this.#unheard(device);
    this.#write(this.#caughtUp({ ...belief, address, heardMs: nowMs }));
    if (resident !== undefined) return;
    for (const delivery of memory.lists.values())
      if (nowMs - delivery.sinceMs <= addressMemoryMs) this.#deliver(device, delivery);
  }

  /** A second claimant within a day takes the word from both; a day later the one that stayed has it again. */
  #claim(device: string, address: string, nowMs: number): void {
    const before = this.#claims.get(device);
    if (before === undefined || before.address === address || nowMs - before.atMs > addressMemoryMs)
      this.#claims.set(device, { address, atMs: nowMs });
    else if (before.address !== undefined) this.#claims.set(device, { address: undefined, atMs: nowMs });
  }

  #unheard(name: string): DeviceBelief {
    return {
      name,
      set: this.#sets.first,
      address: '',
      heardMs: 0,
      deliveries: [],
      provedMs: undefined,
      unansweredConfigs: 0,
      gap: 0,
    };
  }

  #caughtUp(belief: DeviceBelief): DeviceBelief {
    const newest = this.#gaps.at(-1)?.number ?? 0;
    return belief.gap === newest
      ? belief
      : { ...belief, set: setWithGaps(this.#sets, belief, this.#gaps), gap: newest };
  }

  #member(device: string): string | undefined {
    if (this.#isDevice(device)) return device;
    if (this.#strangers.size < strangerNamesMax) this.#strangers.add(device);
    return undefined;
  }

  /** The address that was quiet for the longest time makes room; what went there belongs to nobody, so to everybody. */
  #memoryOf(address: string, nowMs: number): AddressMemory {
    const known = this.#addresses.get(address) ?? { devices: new Map(), lists: new Map() };
    this.#addresses.delete(address);
    this.#addresses.set(address, known);
    if (this.#addresses.size <= this.#bounds.addresses) return known;
    const [oldest] = this.#addresses;
    if (oldest !== undefined) this.#forget(...oldest, nowMs);
    return known;
  }

  #forget(address: string, { devices, lists }: AddressMemory, nowMs: number): void {
    this.#addresses.delete(address);
    if (devices.size > 0) return;
    const pairs = pairsOf([...lists.values()]);
    this.addGap(
      pairs.filter((key) => !this.#gaps.some((gap) => gap.pairs.includes(key))),
      nowMs,
    );
  }

  #write(belief: DeviceBelief): void {
    this.#devices.set(belief.name, belief);
    this.#changed.add(belief.name);
  }
}

const listKinds: Readonly<Partial<Record<FileName['kind'], TrustListKind>>> = {
  'cluster-itl': 'itl',
  'device-itl': 'itl',
  'cluster-ctl': 'ctl',
  'device-ctl': 'ctl',
};

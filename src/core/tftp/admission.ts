/**
 * Who may start a transfer, and how many (security.md §1): allowed networks; limits in all, per address and
 * per /24 or /56; bytes that no ACK has answered per subnet; bytes per second per address.
 *
 * - A transfer is half-open until its first ACK. Where a limit is reached, the oldest half-open transfer in
 *   that scope gives way, so a flood of forged requests pushes out itself and not phones, which acknowledge
 *   within a round trip. Only when none is half-open the answer is `busy`.
 * - What was sent and never acknowledged is a debt of the subnet that fades within transferIdleMs, whether or
 *   not the transfer still lives: evicting, ending or repeating must not buy a flooder more traffic.
 * - Loopback is exempt from the two byte limits: no other host can forge it.
 * - Memory: a record per transfer, address and subnet with a transfer; a small bounded memory of the others.
 */
import * as limits from '../../base/limits.ts';
import { LeakyBuckets, type Bucket } from './leaky-bucket.ts';
import {
  isLoopback,
  isWithin,
  parseAddress,
  parseNetworks,
  privateNetworks,
  subnetKey,
  type Network,
} from './network.ts';

export interface AdmissionLimits {
  readonly transfersMax: number;
  readonly transfersPerAddressMax: number;
  readonly transfersPerSubnetMax: number;
  readonly unacknowledgedBytesPerSubnetMax: number;
  readonly bytesPerSecondPerAddressMax: number;
}

export const defaultAdmissionLimits: AdmissionLimits = {
  transfersMax: limits.transfersMax,
  transfersPerAddressMax: limits.transfersPerAddressMax,
  transfersPerSubnetMax: limits.transfersPerSubnetMax,
  unacknowledgedBytesPerSubnetMax: limits.unacknowledgedBytesPerSubnetMax,
  bytesPerSecondPerAddressMax: limits.bytesPerSecondPerAddressMax,
};

export const defaultAllowedNetworks: readonly Network[] = parseNetworks(privateNetworks);

interface Scope<T> {
  readonly key: string;
  count: number;
  readonly halfOpen: HalfOpen<T>;
}

interface Subnet<T> extends Scope<T> {
  readonly debt: Bucket;
}

interface Source<T> extends Scope<T> {
  readonly subnet: Subnet<T>;
  readonly exempt: boolean;
  readonly pace: Bucket;
}

/** One admitted transfer; `owner` is what gives way when the ticket is evicted. */
export interface Ticket<T> {
  readonly owner: T;
  readonly source: Source<T>;
  state: 'half-open' | 'acknowledged' | 'released';
  debtBytes: number;
}

export class Admission<T> {
  #limits: AdmissionLimits;
  #allowed: readonly Network[];
  readonly #all: Scope<T> = { key: '', count: 0, halfOpen: new HalfOpen() };
  readonly #sources = new Map<string, Source<T>>();
  readonly #subnets = new Map<string, Subnet<T>>();
  readonly #debts: LeakyBuckets;
  readonly #paces: LeakyBuckets;

  constructor(admissionLimits: AdmissionLimits, allowed: readonly Network[]) {
    this.#limits = admissionLimits;
    this.#allowed = allowed;
    const debtMax = admissionLimits.unacknowledgedBytesPerSubnetMax;
    this.#debts = new LeakyBuckets(debtMax, debtMax / limits.transferIdleMs, limits.rememberedSourcesMax);
    const perMs = admissionLimits.bytesPerSecondPerAddressMax / 1000;
    // A tenth of a second's worth may leave at once.
    this.#paces = new LeakyBuckets(perMs * 100, perMs, limits.rememberedSourcesMax);
  }

  /** Numbers of transfers and networks from now on; the pace of bytes stays what it was. */
  reconfigure(admissionLimits: AdmissionLimits, allowed: readonly Network[]): void {
    this.#limits = admissionLimits;
    this.#allowed = allowed;
  }

  get count(): number {
    return this.#all.count;
  }

  /** A source with a transfer was judged before; others are parsed. */
  allows(address: string): boolean {
    if (this.#sources.has(address)) return true;
    return isWithin(this.#allowed, address);
  }

  /** A ticket, or `busy`. Whoever must give way for it is released here and handed to `evicted`. */
  admit(address: string, owner: T, nowMs: number, evicted: (owner: T) => void): Ticket<T> | 'busy' {
    if (!this.#makeRoom(this.#all, this.#limits.transfersMax, evicted)) return 'busy';
    const source = this.#sources.get(address) ?? this.#newSource(address, nowMs);
    if (!this.#makeRoom(source, this.#limits.transfersPerAddressMax, evicted)) return 'busy';
    if (!this.#makeRoom(source.subnet, this.#limits.transfersPerSubnetMax, evicted)) return 'busy';
    if (!source.exempt && this.#debts.isFull(source.subnet.debt, nowMs)) return 'busy';
    const ticket: Ticket<T> = { owner, source, state: 'half-open', debtBytes: 0 };
    for (const scope of [this.#all, source, source.subnet]) {
      scope.count++;
      scope.halfOpen.add(ticket);
    }
    this.#sources.set(source.key, source);
    this.#subnets.set(source.subnet.key, source.subnet);
    return ticket;
  }

  /** The first ACK: the peer exists, its debt is paid. */
  acknowledged(ticket: Ticket<T>): void {
    if (ticket.state !== 'half-open') return;
    ticket.state = 'acknowledged';
    this.#forgetHalfOpen(ticket);
    ticket.source.subnet.debt.level = Math.max(0, ticket.source.subnet.debt.level - ticket.debtBytes);
    ticket.debtBytes = 0;
  }

  /**
   * Its subnet acknowledged too little of what it was sent: a half-open transfer waits with its first packet. Asked
   * before each, because many may have been admitted before the first of them was sent anything.
   */
  owesTooMuch({ source, state }: Ticket<T>, nowMs: number): boolean {
    return !source.exempt && state === 'half-open' && this.#debts.isFull(source.subnet.debt, nowMs);
  }

  /** May this source be sent more now? An ACK or a repeated request that finds `false` counts as lost. */
  mayReceive(ticket: Ticket<T>, nowMs: number): boolean {
    const { source } = ticket;
    if (source.exempt) return true;
    return !this.owesTooMuch(ticket, nowMs) && !this.#paces.isFull(source.pace, nowMs);
  }

  /** Bytes that left for this ticket's source. */
  sent(ticket: Ticket<T>, bytes: number): void {
    const { source } = ticket;
    if (source.exempt) return;
    source.pace.level += bytes;
    if (ticket.state !== 'half-open') return;
    ticket.debtBytes += bytes;
    source.subnet.debt.level += bytes;
  }

  release(ticket: Ticket<T>): void {
    if (ticket.state === 'released') return;
    if (ticket.state === 'half-open') this.#forgetHalfOpen(ticket);
    ticket.state = 'released';
    const { source } = ticket;
    this.#all.count--;
    if (--source.count === 0) this.#sources.delete(source.key);
    if (--source.subnet.count === 0) this.#subnets.delete(source.subnet.key);
  }

  #newSource(address: string, nowMs: number): Source<T> {
    const parsed = parseAddress(address);
    const key = parsed ? subnetKey(parsed) : address;
    const subnet = this.#subnets.get(key) ?? {
      key,
      count: 0,
      halfOpen: new HalfOpen(),
      debt: this.#debts.of(key, nowMs),
    };
    return {
      key: address,
      count: 0,
      halfOpen: new HalfOpen(),
      subnet,
      exempt: parsed !== undefined && isLoopback(parsed),
      pace: this.#paces.of(address, nowMs),
    };
  }

  #makeRoom(scope: Scope<T>, max: number, evicted: (owner: T) => void): boolean {
    if (scope.count < max) return true;
    const oldest = scope.halfOpen.oldest();
    if (!oldest) return false;
    this.release(oldest);
    evicted(oldest.owner);
    return true;
  }

  #forgetHalfOpen(ticket: Ticket<T>): void {
    this.#all.halfOpen.left();
    ticket.source.halfOpen.left();
    ticket.source.subnet.halfOpen.left();
  }
}

/** Half-open tickets in order of admission. Those that are no longer half-open are passed over, and swept when they prevail. */
class HalfOpen<T> {
  #queue: Ticket<T>[] = [];
  #head = 0;
  #count = 0;

  add(ticket: Ticket<T>): void {
    this.#count++;
    if (this.#queue.length > 2 * this.#count + 16) {
      this.#queue = this.#queue.slice(this.#head).filter(({ state }) => state === 'half-open');
      this.#head = 0;
    }
    this.#queue.push(ticket);
  }

  left(): void {
    this.#count--;
  }

  oldest(): Ticket<T> | undefined {
    for (; this.#head < this.#queue.length; this.#head++) {
      const ticket = this.#queue[this.#head];
      if (ticket?.state === 'half-open') return ticket;
    }
    return undefined;
  }
}

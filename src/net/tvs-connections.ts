/**
 * The connections of a TVS, idle ones too, and the times they have: for the handshake, for a question that has begun, for
 * doing nothing. Above the limits the connection that has been still for longest makes room, of the same address first,
 * so that nobody is locked out by others who hold connections open.
 */
import type { Socket } from 'node:net';
import { assert } from '../base/assert.ts';

export type ConnectionStage = 'handshake' | 'exchange' | 'idle';

export interface TvsConnection {
  readonly key: string;
  readonly socket: Socket;
  readonly address: string;
  readonly stage: ConnectionStage;
  readonly sinceMs: number;
}

export interface ConnectionLimits {
  readonly connectionsMax: number;
  readonly perAddressMax: number;
  /** How long each stage may last. */
  readonly stageMs: Readonly<Record<ConnectionStage, number>>;
}

export class ConnectionTable {
  readonly #limits: ConnectionLimits;
  readonly #onExpired: (connection: TvsConnection) => void;
  /** Longest still first, over all and per address. */
  readonly #all = new Map<string, TvsConnection>();
  readonly #byAddress = new Map<string, Set<string>>();

  constructor(limits: ConnectionLimits, onExpired: (connection: TvsConnection) => void) {
    this.#limits = limits;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Takes it in and gives the connection that had to go for it. */
  add(key: string, socket: Socket, address: string, nowMs: number): TvsConnection | undefined {
    const ofAddress = this.#byAddress.get(address);
    const [oldestHere] = ofAddress ?? [];
    const [oldest] = this.#all.keys();
    const leaving =
      (ofAddress?.size ?? 0) >= this.#limits.perAddressMax
        ? oldestHere
        : this.#all.size >= this.#limits.connectionsMax
          ? oldest
          : undefined;
    const gone = leaving === undefined ? undefined : this.#all.get(leaving);
    if (leaving !== undefined) this.remove(leaving);
    this.#put({ key, socket, address, stage: 'handshake', sinceMs: nowMs });
    return gone;
  }

  /** Something moved. */
  enter(key: string, stage: ConnectionStage, nowMs: number): void {
    const known = this.#all.get(key);
    if (known === undefined) return;
    this.remove(key);
    // The time of a stage runs from its begin, not from the last byte: slow senders are no fast ones.
    const sinceMs = known.stage === stage && stage === 'exchange' ? known.sinceMs : nowMs;
    this.#put({ ...known, stage, sinceMs });
  }

  remove(key: string): void {
    const known = this.#all.get(key);
    if (known === undefined) return;
    this.#all.delete(key);
    const ofAddress = this.#byAddress.get(known.address);
    assert(ofAddress !== undefined, 'a connection is counted at its address');
    ofAddress.delete(key);
    if (ofAddress.size === 0) this.#byAddress.delete(known.address);
  }

  /** Ends those whose time is over. */
  sweep(nowMs: number): void {
    for (const connection of this.#all.values())
      if (nowMs - connection.sinceMs > this.#limits.stageMs[connection.stage]) {
        this.remove(connection.key);
        this.#onExpired(connection);
      }
  }

  /** Every connection, for the end. */
  sockets(): readonly Socket[] {
    return [...this.#all.values()].map(({ socket }) => socket);
  }

  #put(connection: TvsConnection): void {
    const { key, address } = connection;
    this.#all.set(key, connection);
    const ofAddress = this.#byAddress.get(address);
    if (ofAddress) ofAddress.add(key);
    else this.#byAddress.set(address, new Set([key]));
  }
}

/**
 * Which path to another cluster a device has with everything that it may hold (design.md §5). A pair of lists counts as
 * it is; once the device was given the lists in force, as they are after a boot with these, since a phone asks for its
 * lists before anything else. A delivery that anybody could have acknowledged proves nothing: then nobody knows.
 */
import type { MovePath, Lists } from '../core/cluster/move-path.ts';
import { planMove } from '../core/cluster/move-path.ts';
import { listName } from '../core/cluster/probe.ts';
import type { Crypto } from '../core/ports.ts';
import { anyOfOurs, type PairKey } from '../core/trust/belief.ts';
import { givenWhole, listsByNode, type GivenLists, type NodeLists } from '../core/trust/given-lists.ts';
import { judgeFile } from '../core/trust/judge.ts';
import { describeSide } from '../core/trust/list-library.ts';
import type { Field, FieldDevice } from './field.ts';

export interface DevicePath {
  readonly path: MovePath;
  /** It may hold lists of elsewhere, or nobody can tell whether it has those in force. */
  readonly isUnknown: boolean;
}

/** One pair of lists that devices of ours may hold. */
export interface MovePair {
  /** As people name them. */
  readonly ctl: string;
  readonly itl: string;
  readonly phones: number;
  readonly now: MovePath;
  /** After a boot at the lists in force here. */
  readonly booted: MovePath;
}

/** Judges each pair once, whatever number of devices may hold it. */
export class MoveField {
  readonly #crypto: Crypto;
  readonly #field: Field;
  readonly #to: Lists;
  readonly #nowSeconds: number;
  readonly #known = new Map<string, MovePath>();

  constructor(crypto: Crypto, field: Field, to: Lists, nowSeconds: number) {
    this.#crypto = crypto;
    this.#field = field;
    this.#to = to;
    this.#nowSeconds = nowSeconds;
  }

  /** Of a device whose home is here. */
  pathOf(device: FieldDevice, inForce: Lists): DevicePath {
    const { library, sets } = this.#field;
    const pairs = sets.pairs(device.set);
    const ours = library.known(pairs);
    const isUnknown = pairs.some((key) => key !== anyOfOurs && library.bytes(key) === undefined);
    // Nothing was given to it: it is taken for one that holds what is published.
    if (ours.length === 0) return { path: this.#judged('in force', inForce), isUnknown: true };
    const direct = this.#worst(ours, (key) => this.#judged(key, library.bytes(key) ?? {}));
    if (direct.kind === 'path') return { path: direct, isUnknown };
    const given = givenWhole(this.#field.current, device.deliveries);
    if (given.length === 0) return { path: direct, isUnknown };
    // It may have gone from node to node: with the lists of any of them.
    const booted = given.map((ofNode) => this.#worst(ours, (key) => this.#judgedAfterBoot(key, ofNode)));
    const path = booted.find(({ kind }) => kind === 'none') ?? booted[0] ?? direct;
    return { path, isUnknown: isUnknown || !given.some((ofNode) => isSure(ofNode, device)) };
  }

  /** Every pair that these devices may hold with its path, most phones first. */
  pairsOf(devices: readonly FieldDevice[]): readonly MovePair[] {
    const { library, sets, current } = this.#field;
    const counts = new Map<PairKey, number>();
    for (const { set } of devices)
      for (const key of library.known(sets.pairs(set))) counts.set(key, (counts.get(key) ?? 0) + 1);
    const pairs = [...counts].map(([key, phones]): MovePair => {
      const now = this.#judged(key, library.bytes(key) ?? {});
      const booted = listsByNode(current).map((ofNode) => this.#judgedAfterBoot(key, ofNode));
      return {
        ctl: describeSide(library, key, 'ctl'),
        itl: describeSide(library, key, 'itl'),
        phones,
        now,
        booted: booted.find(({ kind }) => kind === 'none') ?? booted[0] ?? now,
      };
    });
    return pairs.toSorted((a, b) => b.phones - a.phones);
  }

  #worst(pairs: readonly PairKey[], judge: (key: PairKey) => MovePath): MovePath {
    const { library } = this.#field;
    let path: MovePath | undefined;
    for (const key of pairs) {
      path = judge(key);
      if (path.kind === 'path') continue;
      const [ctl, itl] = [describeSide(library, key, 'ctl'), describeSide(library, key, 'itl')];
      return { ...path, because: `with CTL ${ctl} and ITL ${itl}, which it may hold: ${path.because}` };
    }
    return path ?? { kind: 'none', because: 'nothing is known of what it holds', needs: [] };
  }

  #judgedAfterBoot(key: PairKey, { node, lists }: NodeLists): MovePath {
    let held: Lists = { ctl: undefined, itl: undefined, ...this.#field.library.bytes(key) };
    for (const kind of ['ctl', 'itl'] as const) {
      const bytes = lists.find((list) => list.kind === kind)?.bytes;
      if (bytes === undefined) continue;
      const file = { name: listName(kind), bytes };
      if (judgeFile(this.#crypto, held, file, undefined).phone === 'accept')
        held = { ...held, [kind]: bytes };
    }
    return this.#judged(`${key} booted at ${node}`, held);
  }

  #judged(word: string, from: { readonly [Kind in keyof Lists]?: Lists[Kind] }): MovePath {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const held = { ctl: from.ctl, itl: from.itl };
    const path = planMove(this.#crypto, held, this.#to, this.#nowSeconds);
    this.#known.set(word, path);
    return path;
  }
}

/** It acknowledged what nobody else could, and has shown since that it believes what is signed here. */
function isSure({ deliveries }: GivenLists, { provedMs = 0 }: FieldDevice): boolean {
  return deliveries.every(({ how, sinceMs }) => how !== 'single-port' && provedMs >= sinceMs);
}

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
import { judgeFile } from '../core/trust/judge.ts';
import { describeSide } from '../core/trust/list-library.ts';
import type { Field, FieldDevice } from './field.ts';

export interface DevicePath {
  readonly path: MovePath;
  /** It may hold lists of elsewhere, or nobody can tell whether it has those in force. */
  readonly isUnknown: boolean;
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
    const named = pairs.filter((key) => library.bytes(key) !== undefined);
    const ours = pairs.includes(anyOfOurs) ? [...new Set([...named, ...library.allPairs()])] : named;
    const isUnknown = ours.length < pairs.length && !pairs.includes(anyOfOurs);
    // Nothing was given to it: it is taken for one that holds what is published.
    if (ours.length === 0) return { path: this.#judged('in force', inForce), isUnknown: true };
    const direct = this.#worst(ours, (key) => this.#judged(key, library.bytes(key) ?? {}));
    if (direct.kind === 'path') return { path: direct, isUnknown };
    const given = this.#given(device);
    if (given === 'no') return { path: direct, isUnknown };
    const booted = this.#worst(ours, (key) => this.#judgedAfterBoot(key, inForce));
    return { path: booted, isUnknown: isUnknown || given === 'perhaps' };
  }

  /** Were the lists in force given to it, and has it shown since that it believes what is signed here? */
  #given({ deliveries, provedMs }: FieldDevice): 'yes' | 'no' | 'perhaps' {
    const { current } = this.#field;
    const found = current.map((list) => deliveries.find(({ sha256 }) => sha256 === list.sha256));
    if (found.length === 0 || found.includes(undefined)) return 'no';
    const isSure = found.every(
      (delivery) => delivery?.how !== 'single-port' && (provedMs ?? 0) >= (delivery?.sinceMs ?? Infinity),
    );
    return isSure ? 'yes' : 'perhaps';
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

  #judgedAfterBoot(key: PairKey, inForce: Lists): MovePath {
    let held: Lists = { ctl: undefined, itl: undefined, ...this.#field.library.bytes(key) };
    for (const kind of ['ctl', 'itl'] as const) {
      const bytes = inForce[kind];
      if (bytes === undefined) continue;
      const file = { name: listName(kind), bytes };
      if (judgeFile(this.#crypto, held, file, undefined).phone === 'accept')
        held = { ...held, [kind]: bytes };
    }
    return this.#judged(`${key} booted`, held);
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

/**
 * What one node heard of phones, in memory and on its disk: the belief book as the server keeps it (node/belief-watch.ts),
 * without a clock. What was not saved is lost in a crash, and everybody may hold what was served then.
 */
import { tvsAskedCountsMs } from '../../src/base/limits-tvs.ts';
import { BeliefSets } from '../../src/core/trust/belief.ts';
import {
  BeliefBook,
  type Explains,
  type Observation,
  type ServedList,
} from '../../src/core/trust/belief-book.ts';
import { pairsOf } from '../../src/core/trust/set-with-gaps.ts';
import type { StoredBelief, StoredBeliefs } from '../../src/core/trust/belief-store.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';

export interface HeardNodeOptions {
  readonly explains: Explains;
  readonly isDevice: (name: string) => boolean;
}

export class HeardNode {
  readonly #options: HeardNodeOptions;
  readonly #stored = new Map<string, StoredBelief>();
  #sets = new BeliefSets();
  #book: BeliefBook;
  #gaps: StoredBeliefs['gaps'] = [];
  /** Of the last two publications, as the writer is told before phones get them. */
  #serving: readonly (readonly ServedList[])[] = [];
  /** In the database: whom a TVS vouched to, by address, and when last. */
  readonly #askers = new Map<string, number>();

  constructor(options: HeardNodeOptions) {
    this.#options = options;
    this.#book = this.#opened();
  }

  #opened(): BeliefBook {
    this.#sets = new BeliefSets();
    const known = [...this.#stored.values()].map(({ pairs, ...belief }) => ({
      ...belief,
      set: this.#sets.of(pairs),
    }));
    const book = new BeliefBook(this.#sets, this.#options.explains, known, this.#gaps);
    book.knowDevices(this.#options.isDevice);
    return book;
  }

  serving(lists: readonly ServedList[]): void {
    this.#serving = [...this.#serving, lists].slice(-2);
  }

  observe(seen: Observation, nowMs: number): void {
    this.#book.observe(seen, { lists: this.#serving.at(-1) ?? [] }, nowMs);
  }

  showedBelief(device: string, address: string, signer: CertificateFacts, nowMs: number): void {
    const askedMs = this.#askers.get(address) ?? -Infinity;
    if (nowMs - askedMs <= tvsAskedCountsMs) this.#book.tookFile(device, address, nowMs);
    else this.#book.showedBelief(device, address, signer, nowMs);
  }

  /** A TVS vouched to this address for a signer of files. */
  vouched(address: string, nowMs: number): void {
    this.#askers.set(address, nowMs);
  }

  /** Every second. */
  save(): void {
    for (const { set, ...belief } of this.#book.takeChanged(Infinity))
      this.#stored.set(belief.name, { ...belief, pairs: this.#sets.pairs(set) });
    this.#gaps = this.#book.gaps;
  }

  /** Starts again from what was saved; `counts`: what was served meanwhile may have reached anybody. */
  crash(nowMs: number, counts = true): void {
    this.#book = this.#opened();
    if (counts) this.#book.addGap(pairsOf(this.#serving.flat()), nowMs);
    this.save();
  }

  stored(): StoredBeliefs {
    return {
      devices: [...this.#stored.values()],
      gaps: this.#gaps,
      unfinished: false,
      serving: this.#serving.flat(),
    };
  }
}

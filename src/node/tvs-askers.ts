/**
 * Phones to which a TVS of the cluster vouched for a signer of files, in the database: what such a phone shows, whichever
 * node it shows it to, does not disprove lists that do not name the signer (core/tvs/asker.ts). What could not be written
 * yet waits here; above a bound it is written that anybody may have asked.
 */
import { tvsAskedCountsMs, tvsAskersWaitingMax } from '../base/limits-tvs.ts';
import { anybodyAsked, hasAsked, type AskingPhone, type TvsAsker } from '../core/tvs/asker.ts';
import type { OpenNode } from './open-node.ts';

export class TvsAskers {
  readonly #node: Pick<OpenNode, 'store' | 'clock'>;
  #waiting: readonly TvsAsker[] = [];
  #writing: Promise<void> | undefined;

  constructor(node: Pick<OpenNode, 'store' | 'clock'>) {
    this.#node = node;
  }

  add(askers: readonly TvsAsker[]): void {
    this.#waiting = [...this.#waiting, ...askers];
    if (this.#waiting.length > tvsAskersWaitingMax) this.#waiting = [anybodyAsked];
  }

  /** Rejects when the database does not take it; it waits on. */
  async write(): Promise<void> {
    await this.#writing;
    const told = this.#waiting;
    if (told.length === 0) return;
    const askedMs = this.#node.clock.nowMs();
    const when = { askedMs, forgetBeforeMs: askedMs - tvsAskedCountsMs };
    this.#writing = this.#node.store.noteTvsAskers(unique(told), when);
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
    this.#waiting = this.#waiting.filter((asker) => !told.includes(asker));
  }

  /** Which of them may have asked, and keep what they were told. Rejects while the database is away: nobody knows. */
  async among<T extends AskingPhone>(phones: readonly T[]): Promise<ReadonlySet<T>> {
    await this.write();
    const sinceMs = this.#node.clock.nowMs() - tvsAskedCountsMs;
    const askers = await this.#node.store.findTvsAskers(phones, sinceMs);
    return new Set(phones.filter((phone) => hasAsked(askers, phone)));
  }
}

/** One statement cannot write a row twice. */
function unique(askers: readonly TvsAsker[]): readonly TvsAsker[] {
  const byKey = new Map(askers.map((asker) => [`${asker.address} ${asker.device ?? ''}`, asker]));
  return [...byKey.values()];
}

/**
 * Whom a TVS of the cluster vouched to for somebody who signs files. Such a phone may take a configuration whose signer
 * its lists do not name, and for as long as it keeps the answer: that it took one says nothing of its lists.
 */
import { tvsAskerAgainMs, tvsAskersKnownMax, tvsAskersPerMessageMax } from '../../base/limits-tvs.ts';

export interface TvsAsker {
  readonly address: string;
  /** By its own certificate; undefined: it showed none that is trusted here. */
  readonly device: string | undefined;
}

/** Who may be one of them. */
export interface AskingPhone {
  readonly address: string;
  readonly device: string;
}

/** Some answers were given that nobody can tell of. */
export const anybodyAsked: TvsAsker = { address: '', device: undefined };

/** A name that no certificate proves counts for nothing: anybody could keep any phone's past alive with it. */
export function hasAsked(askers: readonly TvsAsker[], phone: AskingPhone): boolean {
  return askers.some(
    ({ address, device }) =>
      address === anybodyAsked.address || address === phone.address || device === phone.device,
  );
}

/** Whom the TVS vouched to and its back was not told yet; who was told of lately is not told again. */
export class AskersToTell {
  readonly #told = new Map<string, number>();
  readonly #waiting: TvsAsker[] = [];
  readonly #knownMax: number;

  constructor(knownMax: number = tvsAskersKnownMax) {
    this.#knownMax = knownMax;
  }

  add(asker: TvsAsker, nowMs: number): void {
    const key = `${asker.address} ${asker.device ?? ''}`;
    const toldMs = this.#told.get(key);
    if (toldMs !== undefined && nowMs - toldMs < tvsAskerAgainMs) return;
    this.#told.delete(key); // Set again, it is the youngest of the map.
    this.#told.set(key, nowMs);
    const [oldest] = this.#told.keys();
    if (this.#told.size > this.#knownMax && oldest !== undefined) this.#told.delete(oldest);
    this.#waiting.push(asker);
  }

  /** Everything that waits, in messages. */
  take(): readonly (readonly TvsAsker[])[] {
    const messages: TvsAsker[][] = [];
    while (this.#waiting.length > 0) messages.push(this.#waiting.splice(0, tvsAskersPerMessageMax));
    return messages;
  }
}

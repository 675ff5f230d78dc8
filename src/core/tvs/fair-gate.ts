/**
 * Who may begin a TLS handshake, and when: handshakes are the one thing of a TVS that costs, so they are rationed and
 * addresses take turns. A flood from one address delays that address; a phone at another is next.
 *
 * A token bucket for all, one queue per address; the owner bounds what waits (connections are counted elsewhere).
 */
export interface GateOptions {
  readonly perSecond: number;
  readonly burst: number;
}

export class FairGate<T> {
  readonly #perMs: number;
  readonly #burst: number;
  /** In the order of their turns; an address that was served goes to the end. */
  readonly #queues = new Map<string, T[]>();
  #tokens: number;
  #atMs: number;

  constructor({ perSecond, burst }: GateOptions, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  offer(address: string, item: T): void {
    const queue = this.#queues.get(address);
    if (queue) queue.push(item);
    else this.#queues.set(address, [item]);
  }

  /** Who may begin now. An item for which `isGone` costs nothing. */
  take(nowMs: number, isGone: (item: T) => boolean): readonly T[] {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    const admitted: T[] = [];
    while (this.#tokens >= 1 && this.#queues.size > 0) {
      for (const [address, queue] of this.#queues) {
        const item = nextOf(queue, isGone);
        this.#queues.delete(address);
        if (queue.length > 0) this.#queues.set(address, queue);
        if (item === undefined) break;
        admitted.push(item);
        this.#tokens -= 1;
        break;
      }
    }
    return admitted;
  }
}

function nextOf<T>(queue: T[], isGone: (item: T) => boolean): T | undefined {
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) if (!isGone(item)) return item;
  return undefined;
}

/**
 * What an address or subnet has been sent lately: a level that rises with bytes and drains with time.
 * Levels are remembered after the last transfer ended, or a flooder would get a new bucket with each request;
 * the oldest are forgotten when there are too many.
 */

export interface Bucket {
  level: number;
  atMs: number;
}

export class LeakyBuckets {
  readonly #capacity: number;
  readonly #drainPerMs: number;
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(capacity: number, drainPerMs: number, bucketsMax: number) {
    this.#capacity = capacity;
    this.#drainPerMs = drainPerMs;
    this.#bucketsMax = bucketsMax;
  }

  of(key: string, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    if (known) return known;
    if (this.#buckets.size >= this.#bucketsMax) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    const bucket: Bucket = { level: 0, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  isFull(bucket: Bucket, nowMs: number): boolean {
    bucket.level = Math.max(0, bucket.level - (nowMs - bucket.atMs) * this.#drainPerMs);
    bucket.atMs = nowMs;
    return bucket.level >= this.#capacity;
  }
}

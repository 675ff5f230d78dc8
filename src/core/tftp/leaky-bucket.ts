/**
 * What an address or subnet has been sent lately: a level that rises with bytes and drains with time.
 * Levels are remembered after the last transfer ended, or a flooder would get a new bucket with each request;
 * the oldest are forgotten when there are too many.
 */
import { Recent } from './recent.ts';

export interface Bucket {
  level: number;
  atMs: number;
}

export class LeakyBuckets {
  readonly #capacity: number;
  readonly #drainPerMs: number;
  readonly #buckets: Recent<Bucket>;

  constructor(capacity: number, drainPerMs: number, bucketsMax: number) {
    this.#capacity = capacity;
    this.#drainPerMs = drainPerMs;
    this.#buckets = new Recent(bucketsMax);
  }

  of(key: string, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    if (known) return known;
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

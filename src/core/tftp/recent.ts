/**
 * A map that remembers at least the last half of `keysMax` keys and forgets in two generations, at constant cost:
 * deleting the oldest key of a Map one by one makes each look at its first key slower and slower.
 */
export class Recent<V> {
  readonly #half: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(keysMax: number) {
    this.#half = Math.max(1, Math.floor(keysMax / 2));
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}

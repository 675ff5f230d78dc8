/** JSON from outside, field by field: the first thing that is not as it should be is the error, with its path. */
import { decodeUtf8 } from '../../base/text.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';

export class JsonError extends Error {}

/** `read` throws JsonError through the methods of JsonValue, and nothing else. */
export function readJson<T>(bytes: Uint8Array, read: (value: JsonValue) => T): Outcome<T, string> {
  const text = decodeUtf8(bytes);
  if (text === undefined) return bad('it is not UTF-8');
  try {
    return good(read(new JsonValue(parse(text), '')));
  } catch (error) {
    if (error instanceof JsonError) return bad(error.message);
    throw error;
  }
}

export class JsonValue {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  field(name: string): JsonValue {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong('no object');
    // A name of ours, looked up among the object's own.
    const found = Object.entries(value).find(([key]) => key === name);
    return new JsonValue(found?.[1], this.#path === '' ? name : `${this.#path}.${name}`);
  }

  list(max: number): readonly JsonValue[] {
    if (!Array.isArray(this.#value)) throw this.wrong('no list');
    if (this.#value.length > max) throw this.wrong(`longer than ${max}`);
    return this.#value.map((value: unknown, at) => new JsonValue(value, `${this.#path}[${at}]`));
  }

  text(pattern: RegExp): string {
    if (typeof this.#value !== 'string' || !pattern.test(this.#value))
      throw this.wrong('not as it should be');
    return this.#value;
  }

  count(): number {
    if (typeof this.#value !== 'number' || !Number.isSafeInteger(this.#value) || this.#value < 0)
      throw this.wrong('no whole number');
    return this.#value;
  }

  /** `undefined` for null. */
  orNull<T>(read: (value: JsonValue) => T): T | undefined {
    return this.#value === null ? undefined : read(this);
  }

  /** What `decode` makes of a text. */
  decoded<T>(decode: (text: string) => T | undefined): T {
    const value = typeof this.#value === 'string' ? decode(this.#value) : undefined;
    if (value === undefined) throw this.wrong('not as it should be');
    return value;
  }

  wrong(what: string): JsonError {
    return new JsonError(`${this.#path === '' ? 'it' : this.#path} is ${what}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new JsonError('it is no JSON');
    throw error;
  }
}

/** A bug in this program, never a property of the input: input is answered with an Outcome or a Failure. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when the program's own reasoning is wrong. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Closes a switch over a closed union; reached only when a case was forgotten. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${String(value)}`);
}

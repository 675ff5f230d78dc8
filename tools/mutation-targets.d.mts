/** A source → the tests that must notice when one of its conditions is turned round. */
export const targets: Readonly<Record<string, readonly string[]>>;
/** A source that the rule names and that is no target → why not. */
export const notTargets: Readonly<Record<string, string>>;
/** A mutant that nobody could tell from the program → why not. */
export const equivalent: Readonly<Record<string, string>>;

/**
 * What a link of the resolution chain is: it answers a look-up itself or asks what is below it, and knows
 * nobody above it (after coredns `plugin.go`). The answer's trace tells who said what.
 */
import type { Content, FileRequest, TraceStep } from '../core/files/resolution.ts';
import type { FileName } from '../core/files/file-name.ts';

/** One name on its way down the chain. A link may ask below for another name, never for another requester. */
export interface Lookup {
  readonly request: FileRequest;
  readonly name: FileName;
  /** Only the spelling as asked counts, whatever the setting for case says. */
  readonly exact: boolean;
  /** The answer does not leave in clear, or only to whom it belongs (encrypted.ts). */
  readonly confidential?: boolean;
  /** Shared by all links of one request; each adds at least one step. */
  readonly trace: TraceStep[];
}

export interface Served {
  readonly kind: 'served';
  readonly content: Content;
  readonly by: string;
  readonly freshForMs: number;
  /** When the content last changed, milliseconds since the epoch; a signature is never dated before it. */
  readonly modifiedMs: number;
  /**
   * What its timestamp is counted by, where nodes serve it with small differences: SHA-256 of what they share,
   * lower-case hex. Undefined: of the bytes.
   */
  readonly sharedSha256?: string;
  /** There is one content for ever: dated by the beginning of the newest signer, which needs no row of its own. */
  readonly unchanging?: boolean;
}

export type Answer = (
  | Served
  | { readonly kind: 'not-found' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string }
) & {
  /** The answer depends on who asked (core/files/resolution.ts). */
  readonly requesterOnly?: boolean;
};

export type Below = (lookup: Lookup) => Promise<Answer>;

export interface Link {
  readonly name: string;
  answer(lookup: Lookup, below: Below): Promise<Answer>;
}

export const notFound: Answer = { kind: 'not-found' };

/** Adds one line of `explain`. */
export function note(lookup: Lookup, link: string, verdict: string): void {
  lookup.trace.push({ link, name: lookup.name.asked, verdict });
}

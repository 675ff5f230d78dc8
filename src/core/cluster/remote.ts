/**
 * A remote cluster: whose phones ask us, and who is asked for their files (domain.md §4, design.md §4).
 * Plain values, the same in the database, in core and on the command line.
 */
import type { Judgement } from '../trust/judgement.ts';
import type { Content } from '../files/resolution.ts';

/** ≤ 50 of letters, digits, `.`, `-` (domain.md §7). */
export type ClusterId = string;

/** A service by number: what is asked must not depend on a resolver. IPv6 without brackets. */
export interface RemoteEndpoint {
  readonly address: string;
  readonly port: number;
}

/** One of the 1–3 TFTP servers of a remote cluster; HTTP is tried first where it has one. */
export interface RemoteServer {
  readonly tftp: RemoteEndpoint;
  /** 6970 of the same address where nothing else is said; undefined: TFTP only. */
  readonly http: RemoteEndpoint | undefined;
  readonly tvs: RemoteEndpoint;
}

export type RemoteCommon = 'auto' | 'local';
export type RemoteVerify = 'observe' | 'enforce';

/** The signer of a remote's trust lists that an administrator has seen. */
export interface RemotePin {
  /** SHA-256 over the DER of the certificate (ITLRecovery or list signer), lower-case hex. */
  readonly fingerprint: string;
  readonly pinnedMs: number;
}

export interface RemoteCluster {
  readonly id: ClusterId;
  /** 1–3, in the order in which they are asked. */
  readonly servers: readonly RemoteServer[];
  /** "Cluster is secure" (domain.md §7): its phones ask for signed files, a search asks for the signed name. */
  readonly secure: boolean;
  readonly pin: RemotePin | undefined;
  readonly common: RemoteCommon;
  /** As asked for; see `verifyOf` for what is in force. */
  readonly verify: RemoteVerify | undefined;
  /** What its own remotes are, as far as an administrator declared it: a cycle is refused. */
  readonly asks: readonly ClusterId[];
  readonly addedMs: number;
}

/** Nothing can be enforced before it is known whose lists are the right ones. */
export function verifyOf({ pin, verify }: Pick<RemoteCluster, 'pin' | 'verify'>): RemoteVerify {
  if (pin === undefined) return 'observe';
  return verify ?? 'enforce';
}

/** What one remote cluster answers for one name. `server` is the TFTP address of the server that gave it. */
export type RemoteAnswer =
  | {
      readonly kind: 'have';
      readonly content: Content;
      readonly server: RemoteEndpoint;
      /** What a phone that holds the cluster's pinned lists says; undefined where nothing is pinned, and for firmware. */
      readonly judgement: Judgement | undefined;
    }
  /** A definite word: ERROR 1 or 404. */
  | { readonly kind: 'not-found'; readonly server: RemoteEndpoint }
  /** The remote has it, and a phone of that cluster would refuse it (`enforce`). */
  | { readonly kind: 'blocked'; readonly server: RemoteEndpoint; readonly reason: string }
  /** A limit of ours, or a large file that is still on its way to disk: come back. */
  | { readonly kind: 'busy'; readonly reason: string }
  /** A time-out, no connection, an open circuit: says nothing about the file. */
  | { readonly kind: 'unreachable'; readonly reason: string };

/** What one remote says to the question whose a device is: `silent` is no answer within the budget. */
export type RemoteClaim = 'have' | 'not-found' | 'silent';

/** Every remote has a word; `finished` is false while the search goes on behind the answer. */
export interface RemoteClaims {
  readonly claims: ReadonlyMap<ClusterId, RemoteClaim>;
  readonly finished: boolean;
}

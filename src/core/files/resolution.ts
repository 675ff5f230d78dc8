/**
 * A request for a file and its answer, as values that can cross a process boundary.
 * `retry` is silence on TFTP (the repeated RRQ joins the search) and 503 on HTTP.
 */

export interface FileRequest {
  /** The name exactly as asked. */
  readonly name: string;
  readonly transport: 'tftp' | 'http' | 'https';
  /** Source address of the requester, textual. */
  readonly address: string;
  readonly port: number;
  /** DER of the certificate whose key the requester has proved to hold; of HTTPS and configurations only. */
  readonly certificate?: Uint8Array;
  /** The hop mark of a proxy in front of us (design.md §4, loops): a random node id. It only ever restricts. */
  readonly hop?: string;
}

/** A file on disk is named together with what it was when it was judged; whoever opens it compares. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface MemoryContent {
  readonly kind: 'memory';
  readonly bytes: Uint8Array;
}

export interface FileContent {
  readonly kind: 'file';
  readonly path: string;
  readonly identity: FileIdentity;
}

export type Content = MemoryContent | FileContent;

export function contentSize(content: Content): number {
  return content.kind === 'memory' ? content.bytes.length : content.identity.size;
}

/** One link's word about one name; `explain` prints these in order. */
export interface TraceStep {
  readonly link: string;
  readonly name: string;
  readonly verdict: string;
}

export type Trace = readonly TraceStep[];

/** Set where the answer depends on who asked: it is given to nobody else, neither from a cache nor while it is made. */
interface ForWhom {
  readonly requesterOnly?: boolean;
}

export type Resolution = ForWhom &
  (
    | {
        readonly kind: 'served';
        readonly content: Content;
        /** The link that gave the bytes. */
        readonly by: string;
        /** The edge may answer the same name from its byte cache for this long without asking again. */
        readonly freshForMs: number;
        readonly trace: Trace;
      }
    | { readonly kind: 'not-found'; readonly trace: Trace }
    | { readonly kind: 'refused'; readonly reason: string; readonly trace: Trace }
    | { readonly kind: 'retry'; readonly reason: string; readonly trace: Trace }
  );

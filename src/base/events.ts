/**
 * What happened, as values. Logs, metrics and the audit are three views of this one list;
 * core returns events and never logs. Names from outside are raw here: each view escapes them.
 */

export type Event =
  | {
      readonly type: 'file-served';
      readonly transport: 'tftp' | 'http' | 'https';
      readonly address: string;
      readonly name: string;
      readonly bytes: number;
      readonly durationMs: number;
      readonly retransmits: number;
      readonly by: string;
      /** TFTP from a port of its own (RFC 1350 §4): who acknowledged it received it. */
      readonly ownPort?: true;
      /** A range of it (HTTP): nobody has the file by this. */
      readonly part?: true;
    }
  | {
      readonly type: 'file-not-served';
      readonly transport: 'tftp' | 'http' | 'https';
      readonly address: string;
      readonly name: string;
      /** `quiet` marks the normal noise of phones (CTLSEP/ITLSEP misses): debug level only. */
      readonly outcome: 'not-found' | 'refused' | 'retry' | 'busy' | 'not-allowed';
      readonly reason: string;
      readonly quiet: boolean;
    }
  | {
      readonly type: 'transfer-ended';
      readonly address: string;
      readonly name: string;
      readonly outcome: 'timed-out' | 'peer-error' | 'restarted' | 'read-failed' | 'stopped';
      readonly reason: string;
      /** Only the last acknowledgement was missing: the peer may have the whole file. */
      readonly allSent?: boolean;
    }
  | { readonly type: 'write-refused'; readonly address: string; readonly name: string }
  /** An address asks for many distinct names that nobody has; its answers are delayed for a while. */
  | { readonly type: 'names-guessed'; readonly address: string; readonly distinctNames: number }
  | { readonly type: 'packet-malformed'; readonly address: string; readonly reason: string }
  | { readonly type: 'link-failed'; readonly link: string; readonly name: string; readonly reason: string }
  | {
      readonly type: 'listening';
      readonly service: 'tftp' | 'http' | 'https' | 'tvs' | 'admin' | 'metrics';
      readonly address: string;
      readonly port: number;
    }
  /** A remote's file that a phone of its cluster would refuse: not passed on, or only told where nothing is enforced. */
  | {
      readonly type: 'relay-refused';
      readonly cluster: string;
      readonly server: string;
      readonly name: string;
      /** Of the judge (core/trust/verdict.ts). */
      readonly code: string;
      readonly reason: string;
      readonly blocked: boolean;
    }
  /** A remote's file passed, with what the strict verifier says of it. */
  | {
      readonly type: 'relay-lint';
      readonly cluster: string;
      readonly name: string;
      readonly codes: readonly string[];
    }
  /** A file of a remote, or a definite word about it, reached us; `lied`: what came broke the protocol or its promise. */
  | {
      readonly type: 'relay-answered';
      readonly cluster: string;
      readonly outcome: 'have' | 'not-found' | 'lied' | 'silent' | 'no-room' | 'busy';
    }
  /** A proxy in front of us asked for what is not ours: a loop, or a proxy behind a proxy. It ended here. */
  | { readonly type: 'passed-on'; readonly address: string; readonly name: string }
  /** A server of a remote stopped answering and is left alone for a while, or answers again. */
  | {
      readonly type: 'remote-health';
      readonly cluster: string;
      readonly server: string;
      readonly state: 'silent' | 'answers';
    }
  /** An own certificate ends soon, or has ended and goes on being used; told at start and once a day. */
  | {
      readonly type: 'certificate-expiry';
      readonly purpose: string;
      readonly subject: string;
      /** Whole days, negative when it has expired. */
      readonly daysLeft: number;
    }
  /** Changed devices whose configurations were built and signed before anybody asked; of several nodes one does it. */
  | { readonly type: 'signed-ahead'; readonly devices: number }
  | {
      readonly type: 'tvs-answered';
      readonly address: string;
      /** As the asker calls itself. */
      readonly device: string;
      /** The asker presented a certificate of this device by an issuer that is known here. */
      readonly proved: boolean;
      readonly command: 'verify' | 'query';
      readonly outcome: 'vouched' | 'unknown' | 'no-role' | 'clash';
    }
  /** A phone met a signer that nobody here knows: it is about to be stranded (security.md §5). */
  | {
      readonly type: 'unknown-signer';
      readonly device: string;
      readonly issuer: string;
      readonly serial: string;
      /** How often this device asked for unknown signers. */
      readonly count: number;
    }
  /** A configuration with a secret left in clear, or was to leave; the names of its elements, never their text. */
  | {
      readonly type: 'secret-in-clear';
      readonly name: string;
      readonly elements: string;
      readonly refused: boolean;
    }
  /** A connection to the TVS that was ended for what it sent, or did not send. */
  | { readonly type: 'tvs-rejected'; readonly address: string; readonly reason: string }
  /** A database that is elsewhere: whether it answers. While it does not, its last copy is served. */
  | {
      readonly type: 'database';
      readonly state: 'away' | 'here';
      /** That is served. */
      readonly version: number;
      readonly awaySeconds: number;
      readonly reason: string;
    }
  | { readonly type: 'warning'; readonly topic: string; readonly message: string };

export type EventSink = (event: Event) => void;

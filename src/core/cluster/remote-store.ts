/** What the database holds of remote clusters, as the operations on them see it; a part of `Store` (core/ports.ts). */
import type { AuditEntry } from '../audit/audit-chain.ts';
import type { Evidence } from './evidence.ts';
import type { RememberedHome, SettledHome } from './home.ts';
import type { TrustListKind } from './model.ts';
import type { ClusterId, RemoteCluster, RemotePin } from './remote.ts';

/** The newest list of one server that was accepted after the ones before it. */
export interface RemoteList {
  readonly cluster: ClusterId;
  /** `address:port` of its TFTP. */
  readonly server: string;
  readonly kind: TrustListKind;
  readonly bytes: Uint8Array;
  /** SHA-256 over the bytes, lower-case hex. */
  readonly sha256: string;
  readonly seenMs: number;
}

/** What a probe of one server found. Lists that are not in it are forgotten: the server has none. */
export interface RemoteProbe {
  readonly cluster: ClusterId;
  readonly server: string;
  readonly atMs: number;
  /** Accepted ones; undefined: what is known stays, because the server could not be read or is frozen. */
  readonly lists: readonly RemoteList[] | undefined;
  /** About the signer of each of our nodes; empty where there is none: the cluster is not pinned. */
  readonly evidence: readonly Evidence[];
  /** Why its newest lists are not believed; only `--repin` ends that. */
  readonly frozen: string | undefined;
}

export interface ProbedServer {
  readonly cluster: ClusterId;
  readonly server: string;
  readonly probedMs: number;
  readonly frozen: string | undefined;
  readonly evidence: readonly Evidence[];
}

export interface DeviceHome extends RememberedHome {
  readonly device: string;
}

export interface RemoteStore {
  /** In the order in which they were added. */
  listRemotes(): Promise<readonly RemoteCluster[]>;
  /** Refused when there is one of that id. */
  addRemote(remote: RemoteCluster, audit: AuditEntry): Promise<void>;
  /** With its lists, its evidence and the homes of its devices; refused with `not-found` when there is none. */
  removeRemote(id: ClusterId, audit: AuditEntry): Promise<void>;
  /** Another pin: what was believed of the old one is forgotten. */
  pinRemote(id: ClusterId, pin: RemotePin, audit: AuditEntry): Promise<void>;
  saveProbe(probe: RemoteProbe): Promise<void>;
  listProbes(): Promise<readonly ProbedServer[]>;
  listRemoteLists(): Promise<readonly RemoteList[]>;
  findHome(device: string): Promise<RememberedHome | undefined>;
  /** What a server learnt; other servers hear nothing of it. */
  rememberHomes(homes: readonly DeviceHome[]): Promise<void>;
  /** An administrator's word, which every server hears. */
  moveHomes(devices: readonly string[], home: SettledHome, audit: AuditEntry): Promise<void>;
  homesMovedAfter(ms: number): Promise<readonly DeviceHome[]>;
}

/** `10.0.0.1:69`, `[::1]:69`: how a server of a remote is called everywhere. */
export function serverKey({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

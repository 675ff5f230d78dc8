/** What the database keeps of the bulk exchange; a part of the Store port. */
import type { AuditEntry } from '../audit/audit-chain.ts';
import type { TrustChange } from '../ports.ts';
import type { BulkPeer } from './known-peer.ts';

export interface SeenManifest {
  readonly cluster: string;
  readonly counter: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface BulkStore {
  listBulkPeers(): Promise<readonly BulkPeer[]>;
  /** Remembers whose manifests are believed, instead of whose were before; another signer's count from the beginning. */
  acceptBulkPeer(cluster: string, signer: string, audit: AuditEntry): Promise<void>;
  /** Manifests of accepted clusters; a counter only rises. */
  markBulkSeen(seen: readonly SeenManifest[]): Promise<void>;
  /** The number of the next export, above every one before it and above `above`; durable before it is used. */
  nextBulkCounter(above: number, audit: AuditEntry): Promise<number>;
  /** Certificates that come, change and go, and the audit row, in one transaction; no list is made anew by it. */
  changeTrust(change: TrustChange, audit: AuditEntry): Promise<void>;
}

/**
 * The tables as the query layer types them: what the newest migration leaves behind. Times in Ms are epoch
 * milliseconds, bytes are blobs, hashes lower-case hex. Column names are the same in every database.
 */
import type { Generated } from 'kysely';
import type { BulkPurpose } from '../core/bulk/bulk-type.ts';
import type {
  CertificatePurpose,
  CertificateStoreName,
  ClusterMode,
  DeviceProtocol,
  DeviceSecurity,
  RotationStep,
  TrustListKind,
} from '../core/cluster/model.ts';
import type { SettledHome } from '../core/cluster/home.ts';
import type { RemoteCommon, RemoteVerify } from '../core/cluster/remote.ts';
import type { HashName } from '../wire/algorithm.ts';

export interface Schema {
  cluster: ClusterTable;
  node: NodeTable;
  certificate: CertificateTable;
  device: DeviceTable;
  device_line: DeviceLineTable;
  generation: GenerationTable;
  trust_list: TrustListTable;
  trust_state: TrustStateTable;
  signed_timestamp: SignedTimestampTable;
  revision: RevisionTable;
  audit: AuditTable;
  bulk_peer: BulkPeerTable;
  bulk_export: BulkExportTable;
  schema_migration: SchemaMigrationTable;
  provisioning: ProvisioningTable;
  rotation: RotationTable;
  document_template: DocumentTemplateTable;
  remote_cluster: RemoteClusterTable;
  remote_server: RemoteServerTable;
  remote_list: RemoteListTable;
  device_home: DeviceHomeTable;
  device_gone: DeviceGoneTable;
  change_count: ChangeCountTable;
  node_state: NodeStateTable;
  belief: BeliefTable;
  belief_gap: BeliefGapTable;
  tvs_asked: TvsAskedTable;
  tvs_report: TvsReportTable;
}

/** One row, `singleton` 1. */
export interface ClusterTable {
  singleton: 1;
  id: string;
  mode: ClusterMode;
  hash: HashName;
  created_ms: number;
}

export interface RotationTable {
  purpose: CertificatePurpose;
  /** Fingerprint of the new certificate. */
  fresh: string;
  step: RotationStep;
  step_ms: number;
  until_ms: number;
}

export interface NodeTable {
  name: string;
  created_ms: number;
  removed_ms: Generated<number | null>;
  /** Null: its name. */
  host: Generated<string | null>;
}

export interface CertificateTable {
  id: Generated<number>;
  store: CertificateStoreName;
  purpose: CertificatePurpose | null;
  node: string | null;
  der: Uint8Array;
  fingerprint: string;
  provenance: string;
  added_ms: number;
  retired_ms: number | null;
  /** Of an imported one: whose it is, what for, until when it counts. */
  landed_cluster: string | null;
  landed_purpose: BulkPurpose | null;
  until_ms: number | null;
}

export interface DeviceTable {
  name: string;
  model: string;
  protocol: DeviceProtocol;
  security: DeviceSecurity;
  certificate_der: Uint8Array | null;
  /** 0 or 1. */
  encrypted_only: number;
  added_ms: number;
  pool: string | null;
  load: string | null;
  /** JSON: path → text. */
  overrides: string | null;
  /** What an imported device was read from. */
  source_sha256: string | null;
  template: string | null;
  /** JSON: slot → raw text, where it differs from the template. */
  document_values: string | null;
  salt: string;
  changed_ms: number;
  /** When the device was last told to read its configuration anew. */
  reset_ms: number;
  mark: Generated<number>;
}

export interface DeviceLineTable {
  device: string;
  line: number;
  extension: string;
  label: string | null;
  display_name: string | null;
  auth_name: string | null;
  auth_password: string | null;
}

/** One row, `singleton` 1. */
export interface ProvisioningTable {
  singleton: 1;
  /** JSON; null until an administrator has said something. */
  document: string | null;
  salt: string;
  changed_ms: number;
}

export interface DocumentTemplateTable {
  id: string;
  /** JSON (core/render/document.ts). */
  document: string;
}

/** In the order in which they were added. */
export interface RemoteClusterTable {
  seq: Generated<number>;
  id: string;
  /** JSON: 1–3 servers. */
  servers: string;
  secure: 0 | 1;
  pin: string | null;
  pinned_ms: number | null;
  common: RemoteCommon;
  verify: RemoteVerify | null;
  /** JSON: ids of its own remotes, as declared. */
  asks: string;
  added_ms: number;
}

/** What the last probe of one server found; `server` is `address:port` of its TFTP. */
export interface RemoteServerTable {
  cluster: string;
  server: string;
  probed_ms: number;
  /** Why its newest lists are not believed. */
  frozen: string | null;
  /** JSON: a list (core/cluster/evidence.ts). */
  evidence: string | null;
}

/** The newest lists that were accepted after the ones before them. */
export interface RemoteListTable {
  cluster: string;
  server: string;
  kind: TrustListKind;
  bytes: Uint8Array;
  sha256: string;
  seen_ms: number;
}

export interface DeviceHomeTable {
  device: string;
  kind: SettledHome['kind'];
  /** For a remote home only. */
  cluster: string | null;
  confirmed_ms: number;
  /** When an administrator said so. */
  moved_ms: number | null;
  mark: Generated<number>;
}

/** Devices that were removed, for copies of the database; one that came back is in both tables. */
export interface DeviceGoneTable {
  name: string;
  mark: number;
}

/** `staged` is seen by nobody but the publication that wrote it. */
export interface GenerationTable {
  number: number;
  state: 'staged' | 'published';
}

export interface TrustListTable {
  generation: number;
  kind: TrustListKind;
  node: string;
  bytes: Uint8Array;
  signer: string;
  sha256: string;
  timestamp: number;
  published_ms: number;
}

/** One row: the generation that is served, and the highest number ever given, which never goes back. */
export interface TrustStateTable {
  singleton: 1;
  current: number | null;
  last: number;
  /** Seconds. */
  timestamp_floor: Generated<number>;
}

export interface SignedTimestampTable {
  signer: string;
  name: string;
  content_sha256: string;
  timestamp: number;
  mark: Generated<number>;
}

/** One row: how many changes were made to rows that carry a `mark`, which is the number of theirs. */
export interface ChangeCountTable {
  singleton: 1;
  number: number;
}

/** What a node heard of a device; sets and deliveries as in its own file (beliefs.ts). */
export interface BeliefTable {
  node: string;
  device: string;
  pairs: string;
  address: string;
  heard_ms: number;
  proved_ms: number | null;
  showed_ms: number | null;
  /** Fingerprint. */
  showed_signer: string | null;
  unanswered: number;
  /** JSON. */
  unanswered_configs: string;
  /** JSON. */
  handshakes: string;
  gap: number;
  /** JSON. */
  deliveries: string;
}

export interface BeliefGapTable {
  node: string;
  number: number;
  at_ms: number;
  pairs: string;
}

/** Whom a TVS vouched to for somebody who signs files. */
export interface TvsAskedTable {
  /** '': nobody knows whom. */
  address: string;
  /** By its certificate; '': it showed none. */
  device: string;
  asked_ms: number;
}

/** Of a node's TVS, in its last run. */
export interface TvsReportTable {
  node: string;
  /** JSON. */
  unknown_signers: string;
}

/** What each serving node says of itself. Times are the database's. */
export interface NodeStateTable {
  node: string;
  /** The revision that it serves, and since when. */
  version: number;
  served_ms: number;
  heard_ms: number;
}

/** One row: how often what is served has changed. */
export interface RevisionTable {
  singleton: 1;
  number: number;
}

/** Append-only: the database itself refuses to change or delete a row. */
export interface AuditTable {
  seq: number;
  at_ms: number;
  who: string;
  operation: string;
  detail: string;
  previous: string;
  hash: string;
}

/** A cluster whose manifests are believed when `signer` signed them. */
export interface BulkPeerTable {
  cluster: string;
  signer: string;
  counter: number;
  manifest_sha256: string | null;
  accepted_ms: number;
  accepted_by: string;
}

/** One row, `singleton` 1: the number of our last export. */
export interface BulkExportTable {
  singleton: 1;
  counter: number;
}

/** The steps that brought the database here (migrate.ts). */
export interface SchemaMigrationTable {
  number: number;
  name: string;
}

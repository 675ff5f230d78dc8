/**
 * The cluster as the product knows it: plain values, the same in the database, in core and on the command line.
 * Times end in Ms (since the epoch) or are seconds where a phone's file holds them.
 */
import type { BulkPurpose } from '../bulk/bulk-type.ts';
import type { HashName } from '../../wire/algorithm.ts';

/** Cluster security mode: `mixed` is CUCM's mode 1 (a CTL exists), `nonsecure` mode 0. */
export type ClusterMode = 'mixed' | 'nonsecure';

export interface Cluster {
  /** ≤ 50 of letters, digits, `.`, `-` (domain.md §7). */
  readonly id: string;
  readonly mode: ClusterMode;
  /** Hash of the signatures that phones check. SHA-1 is the default that every phone takes. */
  readonly hash: HashName;
  readonly createdMs: number;
}

export interface ClusterNode {
  /** What rows, folders and commands call it, for ever: the host name that it was made with. */
  readonly name: string;
  /** Host name as phones see it in the lists' DNSNAME, where it is another one by now. */
  readonly host?: string | undefined;
  readonly createdMs: number;
}

/** What phones know a node by. */
export function hostOf({ name, host = name }: Pick<ClusterNode, 'name' | 'host'>): string {
  return host;
}

/** What a serving node last said of itself. */
export interface NodeState {
  readonly node: string;
  /** The version of the database that it serves, and for how long. */
  readonly version: number;
  readonly servedForMs: number;
  /** Since it was heard. */
  readonly silentForMs: number;
}

/** What an own certificate is for; one profile each in certs/. */
export type CertificatePurpose =
  'callmanager' | 'callmanager-ec' | 'tvs' | 'capf' | 'itlrecovery' | 'tftp-ec';

export const certificatePurposes: readonly CertificatePurpose[] = [
  'callmanager',
  'callmanager-ec',
  'tvs',
  'capf',
  'itlrecovery',
  'tftp-ec',
];

export type CertificateStoreName =
  | 'own'
  | 'callmanager-trust'
  | 'capf-trust'
  | 'tvs-trust'
  | 'phone-sast-trust'
  | 'phone-tftp-trust'
  | 'tomcat-trust';

export interface StoredCertificate {
  readonly id: number;
  readonly store: CertificateStoreName;
  /** Set for store `own` only. */
  readonly purpose: CertificatePurpose | undefined;
  /** The node whose key it is; undefined for cluster-wide and foreign certificates. */
  readonly node: string | undefined;
  readonly der: Uint8Array;
  /** SHA-256 over the DER, lower-case hex; also the name of the key file of an own certificate. */
  readonly fingerprint: string;
  /** How it came here: `issued`, `imported from …`, and by whom. */
  readonly provenance: string;
  readonly addedMs: number;
  readonly retiredMs: number | undefined;
  /** Set when a bulk import brought it. */
  readonly landed?: Landed | undefined;
}

/** Where an imported certificate came from and what for. */
export interface Landed {
  /** The cluster whose manifest named it. */
  readonly cluster: string;
  readonly purpose: BulkPurpose;
  /** It counts until then: no list names it, no TVS vouches for it later. */
  readonly untilMs: number | undefined;
}

/** A certificate that counted for a while, and no longer does. */
export function hasEnded({ landed }: Pick<StoredCertificate, 'landed'>, nowMs: number): boolean {
  return landed?.untilMs !== undefined && landed.untilMs <= nowMs;
}

/** `published`: both are listed, the old one signs. `switched`: both are listed, the new one signs. */
export type RotationStep = 'published' | 'switched';

/** A guided renewal under way. */
export interface Rotation {
  readonly purpose: CertificatePurpose;
  /** Fingerprint of the new certificate. */
  readonly fresh: string;
  readonly step: RotationStep;
  /** Since when it is at this step. */
  readonly stepMs: number;
  /** From then on nobody is waited for any more. */
  readonly untilMs: number;
}

/** A guided renewal that begins, goes on, or (`to` undefined) is over. */
export interface RotationChange {
  readonly purpose: CertificatePurpose;
  readonly to: Omit<Rotation, 'purpose'> | undefined;
}

/** MGCP is for gateways. */
export type DeviceProtocol = 'SIP' | 'SCCP' | 'MGCP';
export type DeviceSecurity = 'none' | 'authenticated' | 'encrypted';

export interface DeviceLine {
  readonly index: number;
  readonly extension: string;
  /** Beside the button; the extension where there is none. */
  readonly label?: string | undefined;
  /** What the other side sees. */
  readonly displayName?: string | undefined;
  /** For registrars that ask for it. A signed configuration is not a secret: anybody may fetch it. */
  readonly authName?: string | undefined;
  readonly authPassword?: string | undefined;
}

export interface Device {
  /** `SEP<MAC>`, `ATA<MAC>`, …; see core/files/file-name.ts for the grammar. */
  readonly name: string;
  /** As phones call themselves: `CP-8851`. */
  readonly model: string;
  readonly protocol: DeviceProtocol;
  readonly security: DeviceSecurity;
  readonly lines: readonly DeviceLine[];
  readonly certificateDer: Uint8Array | undefined;
  /** Its plain configuration never leaves, only the encrypted one and a stub. */
  readonly encryptedOnly?: boolean | undefined;
  /** Device pool; the one called Default where none is named. */
  readonly pool?: string | undefined;
  /** Load id; the model's where none is named. */
  readonly load?: string | undefined;
  /** Elements of the configuration by path (core/render/override.ts). */
  readonly overrides?: Readonly<Record<string, string>> | undefined;
  readonly addedMs: number;
}

export type TrustListKind = 'itl' | 'ctl';

/** One published list of one generation. Every generation is kept. */
export interface PublishedList {
  readonly generation: number;
  readonly kind: TrustListKind;
  readonly node: string;
  readonly bytes: Uint8Array;
  /** Fingerprint of the signer's certificate. */
  readonly signer: string;
  /** SHA-256 over the bytes, lower-case hex. */
  readonly sha256: string;
  /** TIMESTAMP item, seconds. */
  readonly timestamp: number;
  readonly publishedMs: number;
}

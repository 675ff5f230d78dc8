/**
 * The doors of the pure rooms. What core and app need from the world is declared here;
 * pki, store, files and net implement it, never import each other, and are joined in node/build.ts.
 */
import type { Outcome } from '../base/outcome.ts';
import type { HashName } from '../wire/algorithm.ts';
import type { AuditEntry, AuditRow } from './audit/audit-chain.ts';
import type { BulkStore } from './bulk/bulk-store.ts';
import type {
  CertificatePurpose,
  Cluster,
  ClusterNode,
  NodeState,
  PublishedList,
  StoredCertificate,
} from './cluster/model.ts';
import type { NewCertificate, TrustChange } from './cluster/trust-change.ts';
import type { HealthState } from './cluster/health.ts';
import type { HeardBeliefs, SharedBeliefs } from './trust/belief-store.ts';
import type { AskingPhone, TvsAsker } from './tvs/asker.ts';
import type { TvsReport, UnknownSigner } from './tvs/unknown-signers.ts';
import type { ListHistory } from './trust/list-history.ts';
import type { RemoteStore } from './cluster/remote-store.ts';
import type {
  ClusterId,
  RemoteAnswer,
  RemoteClaims,
  RemoteCluster,
  RemoteEndpoint,
} from './cluster/remote.ts';
import type { DeviceStore } from './devices/device-store.ts';
import type { Content, FileContent, FileRequest, Resolution } from './files/resolution.ts';
import type { PhoneTrust, TvsAnswer } from './trust/phone-trust.ts';

export type { NewCertificate, TrustChange } from './cluster/trust-change.ts';
export type { Decryptor, Encrypted, Encryptor } from './signing/encryptor.ts';

/** Distinguished name as an ordered list of attributes, as in the certificate: `['CN', 'cucm-a.example']`. */
export type NameAttributes = readonly (readonly [type: string, value: string])[];

export type PublicKeyFacts =
  | {
      readonly kind: 'rsa';
      readonly modulusBits: number;
      readonly pkcs1: Uint8Array;
      readonly spki: Uint8Array;
    }
  | { readonly kind: 'ec'; readonly curve: string; readonly point: Uint8Array; readonly spki: Uint8Array };

/** What the product needs to know of a certificate. Times in seconds since the epoch. */
export interface CertificateFacts {
  readonly der: Uint8Array;
  /** `CN=…;OU=…;O=…;L=…;ST=…;C=…` as CUCM writes it. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectAttributes: NameAttributes;
  readonly issuerAttributes: NameAttributes;
  /** The INTEGER's content bytes with a leading 00 removed only where DER added it for the sign. */
  readonly serial: Uint8Array;
  readonly publicKey: PublicKeyFacts;
  /** The certificate's own signature bytes. */
  readonly signature: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string;
}

/** Total functions over bytes from outside: `undefined` or `false` for anything that does not parse. */
export interface Crypto {
  readCertificate(der: Uint8Array): CertificateFacts | undefined;
  /** RSA PKCS#1 v1.5 with the exact modulus length; the data is the concatenation of `parts`. */
  verifyRsa(spki: Uint8Array, hash: HashName, parts: readonly Uint8Array[], signature: Uint8Array): boolean;
  digest(hash: HashName | 'md5' | 'sha256', data: Uint8Array): Uint8Array;
}

/**
 * A second opinion on a list that is about to be published, by code that shares nothing with the first:
 * `undefined` when it would be accepted after `previousList`, else the reason why not (src/node/second-verifier.ts).
 */
export type SecondVerifier = (
  bytes: Uint8Array,
  context: { readonly name: string; readonly previousList: Uint8Array | undefined },
) => string | undefined;

/** Signs with one key that it holds; asynchronous because the key may live in another process or a token. */
export interface Signer {
  readonly certificate: CertificateFacts;
  sign(hash: HashName, parts: readonly Uint8Array[]): Promise<Uint8Array>;
}

/** The one question the edge asks: which bytes answer this request? */
export interface Resolver {
  resolve(request: FileRequest): Promise<Resolution>;
}

/**
 * Opens what a Resolution named, and nothing else: `undefined` when the file on disk is no longer the one that
 * was judged. Large files are streamed through this by HTTP and by the packet engines (src/files/open-file.ts).
 */
export interface FileOpener {
  open(content: FileContent): Promise<OpenedFile | undefined>;
}

export interface OpenedFile {
  readonly size: number;
  /**
   * Fills `into` from `position` (fewer bytes only at the end of the file) and gives the number of bytes;
   * `undefined` when the file was changed while it was open, so that no transfer mixes two contents.
   */
  read(into: Uint8Array, position: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Takes a file from elsewhere while it comes. What it throws ends the transfer; a call that gives nothing is done. */
export interface FileSink {
  /** The size that is promised, before the first byte; not every sender knows it. */
  announce(sizeBytes: number): Promise<void> | undefined;
  /** Blocks of one window may come in any order. `bytes` is the sink's from now on. */
  write(bytes: Uint8Array, offset: number): Promise<void> | undefined;
}

/** One answer of one server of a remote cluster. */
export type RemoteWord =
  | { readonly kind: 'whole'; readonly sizeBytes: number }
  | { readonly kind: 'not-found' }
  /** An error, "come back later", a lie, an answer that broke off. */
  | { readonly kind: 'wrong'; readonly reason: string }
  /** No word at all, or none was asked for because the circuit is open. */
  | { readonly kind: 'silent'; readonly reason: string }
  /** Our own sink would not take it. */
  | { readonly kind: 'no-room'; readonly reason: string };

export interface RemoteQuestion {
  readonly name: string;
  readonly sink: FileSink;
  readonly sizeBytesMax: number;
  /** For the transfer, once it has begun. */
  readonly timeoutMs: number;
}

/** The wire to remote clusters, with the health of their addresses (src/net/remote/). Nothing rejects. */
export interface RemoteTransport {
  /** The servers of the cluster in order, the well ones first, until one gives a definite word. */
  ask(
    cluster: ClusterId,
    question: RemoteQuestion,
  ): Promise<{ readonly word: RemoteWord; readonly server: RemoteEndpoint }>;
  /** False while every circuit of the cluster is open: nothing would be sent. */
  mayAsk(cluster: ClusterId): boolean;
  setRemotes(remotes: readonly RemoteCluster[]): void;
  health(): readonly ServerHealth[];
  /** Gives up what is under way. */
  close(): void;
}

export interface ServerHealth {
  readonly cluster: ClusterId;
  /** `address:port` of its TFTP. */
  readonly server: string;
  readonly http: HealthState | 'none';
  readonly tftp: HealthState;
}

/** Where files of remotes lie until they are judged, and the large ones after: bounded (src/files/remote/quarantine.ts). */
export interface Quarantine {
  /** Nothing is taken from the bounds yet. `source` is who shares a bound (core/cluster/kindness.ts). */
  open(remote: ClusterId, source: string): QuarantinedFile;
  /** Bytes on disk now. */
  readonly bytes: number;
}

/** Its `write` rejects with Failure `storage-full` when a bound or the disk says so. */
export interface QuarantinedFile extends FileSink {
  /** The content, cut to `sizeBytes`; in memory where it is small. The sink is closed. */
  finish(sizeBytes: number): Promise<Content>;
  /** It is gone from memory and disk; to be called once, also after `finish`, when nobody needs it any more. */
  discard(): void;
}

/** Reads what a signature is over from disk, for files that are not held in memory. */
export interface StreamVerifier {
  /** As `Crypto.verifyRsa`; the data is `head` and then `rest`. */
  verifyRsaStream(
    spki: Uint8Array,
    hash: HashName,
    head: readonly Uint8Array[],
    rest: AsyncIterable<Uint8Array>,
    signature: Uint8Array,
  ): Promise<boolean>;
}

/** What phones of remote clusters believe, as far as a pin vouches for it. */
export interface RemoteTrust {
  /** One phone per server: the lists that were accepted from it. Empty where nothing is pinned or known. */
  phonesOf(cluster: ClusterId): Promise<readonly RemotePhone[]>;
  /** Looks at the cluster's lists now. */
  refresh(cluster: ClusterId): Promise<void>;
  /** What a TVS of the cluster says of a signer, asked as its phones ask. */
  askTvs(cluster: ClusterId, issuer: string, serial: Uint8Array): Promise<TvsAnswer>;
}

export interface RemotePhone {
  /** `address:port` of the TFTP server that it asks. */
  readonly server: string;
  readonly trust: PhoneTrust;
}

/** For whom a remote cluster is asked; limits are by source (design.md §4, "kindness to remotes"). */
export interface RemoteAsk {
  /** Source address of the phone. */
  readonly address: string;
  /** Its name; undefined where the name asked for carries none. */
  readonly device: string | undefined;
  /** Devices whose home is remembered do not count against the limits of unknown names. */
  readonly known: boolean;
}

/**
 * The files of remote clusters (src/net/remote/). Every promise ends within the budget of security.md §4;
 * nothing here decides whose file a phone gets: that is core/files/origin.ts.
 */
export interface RemoteFiles {
  /** One name of one cluster, judged, and held where memory is bounded. Never asks another cluster. */
  fetch(cluster: ClusterId, name: string, ask: RemoteAsk): Promise<RemoteAnswer>;
  /**
   * Who has this device: asks every remote, or only those named, for the device's configuration, one search for all
   * who ask. Answers as soon as somebody says `have`, everybody has spoken, or the budget is over.
   */
  search(device: string, ask: RemoteAsk, among?: readonly ClusterId[]): Promise<RemoteClaims>;
}

/** Wall clock, milliseconds since the epoch; for timestamps in files, never for timers. */
export interface WallClock {
  nowMs(): number;
}

/** Everything of the cluster but its keys. One implementation per database, one test suite for all. */
export interface Store extends BulkStore, DeviceStore, RemoteStore, ListHistory {
  /** The node that this folder belongs to; undefined where the cluster has one node. */
  readonly thisNode: string | undefined;
  readCluster(): Promise<Cluster | undefined>;
  /** Without those that were removed, in the order in which they joined. */
  listNodes(): Promise<readonly ClusterNode[]>;
  listCertificates(): Promise<readonly StoredCertificate[]>;
  /**
   * Cluster, node and certificates of a new data folder in one transaction; refused when a cluster exists.
   * `adopted` are lists that phones hold already: they are current as generation 0.
   */
  createCluster(
    cluster: Cluster,
    node: ClusterNode,
    certificates: readonly NewCertificate[],
    audit: AuditEntry,
    adopted?: readonly NewList[],
  ): Promise<void>;
  /**
   * Makes `lists` the current generation, after `check` accepted what a new connection read back. The change of the
   * cluster that the lists tell of and its audit row come with them in one transaction, or none of it does.
   */
  publish(
    lists: readonly NewList[],
    check: (staged: readonly PublishedList[], current: readonly PublishedList[]) => void,
    audit: AuditEntry,
    change?: TrustChange,
  ): Promise<number>;
  /**
   * Gives the row's id. Refused: a certificate that stands in that store, and in any store a second key for a known
   * issuer and serial, since a TVS is asked by these two. A retired certificate of another store than `own` returns.
   */
  addCertificate(certificate: NewCertificate, audit: AuditEntry): Promise<number>;
  /** Refused with `not-found` when there is none or it is retired already; it stays as history. */
  retireCertificate(id: number, audit: AuditEntry): Promise<void>;
  /** A row for what changes nothing here and must be told all the same: a key that leaves in an export. */
  recordAudit(audit: AuditEntry): Promise<void>;
  /** The whole audit in its order. */
  listAudit(): Promise<readonly AuditRow[]>;
  /**
   * The timestamp (seconds) under which `name` with this content is published: equal for equal content, never below the
   * last one for that name in that book, never below `leastSeconds`. A book is the fingerprint of the signer of lists,
   * or that of the files (core/signing/sign-file.ts).
   */
  signedTimestamp(name: string, book: string, contentSha256: string, leastSeconds: number): Promise<number>;
  /** Below it nothing is signed: the notBefore of the newest signer that any node ever had, seconds. */
  timestampFloor(): Promise<number>;
  /** What phones may hold of what this database gave out. */
  fieldState(): Promise<FieldState>;
  /**
   * For a restored backup: timestamps and generations go on above `field`, whose lists become part of the history and,
   * where they are in force, the current ones.
   */
  continueAbove(field: FieldState): Promise<void>;
  /**
   * Grows with every commit, of any process, that changes what is served (cluster, certificates, lists, devices), and
   * with no other; cheap enough to ask several times a second.
   */
  version(): Promise<number>;
  /**
   * Calls when the version may have grown, where the database tells of it; never where it does not, so ask as well.
   * Gives the end of it.
   */
  onVersion(listener: () => void): () => void;
  /** Where the database serves several nodes: what each of them serves. A node that never served is not in it. */
  listNodeStates(): Promise<readonly NodeState[]>;
  /** Where the database serves several nodes: what this one heard of phones, for the plans of the others. */
  shareBeliefs(heard: HeardBeliefs): Promise<void>;
  /** What every node shared. */
  listSharedBeliefs(): Promise<readonly SharedBeliefs[]>;
  /** Whom this node's TVS vouched to for somebody who signs files; older ones than `forgetBeforeMs` are forgotten. */
  noteTvsAskers(
    askers: readonly TvsAsker[],
    when: { readonly askedMs: number; readonly forgetBeforeMs: number },
  ): Promise<void>;
  /** Of every node: those since then that may be one of these phones, or all. */
  findTvsAskers(phones: readonly AskingPhone[] | 'all', sinceMs: number): Promise<readonly TvsAsker[]>;
  /** Where the database serves several nodes: who asked the TVS of this one for signers that it does not know. */
  shareTvsReport(unknownSigners: readonly UnknownSigner[]): Promise<void>;
  /** Of every node that is in the cluster. */
  listTvsReports(): Promise<readonly TvsReport[]>;
  close(): Promise<void>;
}

/** Upper bounds of what was given out, and the lists in force. */
export interface FieldState {
  /** The highest number ever given to a generation. */
  readonly generation: number;
  /** The newest timestamp of any signed file or list. */
  readonly timestampSeconds: number;
  /** Empty where nobody knows them. */
  readonly lists: readonly PublishedList[];
  /** Of every generation so far: a phone that was off may hold any of them. */
  readonly published: readonly PublishedList[];
}

export type NewList = Omit<PublishedList, 'generation'>;

/** Private keys at rest: one file each, encrypted, 0600 in a 0700 folder, named by the certificate's fingerprint. */
export interface KeyFiles {
  /** Durable before it returns: fsync(file) → rename → fsync(folder). */
  save(fingerprint: string, encryptedPem: string): Promise<void>;
  read(fingerprint: string): Promise<string>;
  /** As `read`; `undefined` when there is no such file. A key whose certificate is still being asked for has its own name. */
  find(fingerprint: string): Promise<string | undefined>;
  /** For a key that no certificate of the database names; one that is not there is no error. */
  remove(fingerprint: string): Promise<void>;
}

export interface IssueRequest {
  readonly purpose: CertificatePurpose;
  readonly clusterId: string;
  /** Host name of the node. */
  readonly nodeName: string;
  readonly notBeforeMs: number;
}

export interface Issued {
  readonly certificate: CertificateFacts;
  /** PKCS#8, encrypted with the passphrase the issuer was made with. */
  readonly encryptedKeyPem: string;
}

/** A key and the question to a CA to certify it. */
export interface Requested {
  /** PKCS#10, PEM. */
  readonly requestPem: string;
  readonly subject: string;
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hex: names the key file until the certificate does. */
  readonly keyId: string;
  readonly encryptedKeyPem: string;
}

/** Makes a key from the profile of the purpose (certs/), and its self-signed certificate or a request for one. */
export interface Issuer {
  issue(request: IssueRequest): Promise<Issued>;
  request(request: IssueRequest): Promise<Requested>;
}

/** Turns a stored key into a signer; Failure `passphrase-wrong` when the passphrase does not open it. */
export interface SignerOpener {
  open(certificate: CertificateFacts, encryptedKeyPem: string): Promise<Signer>;
}

/** What speaks against a certificate of another CA for a purpose of ours, as ends of the sentence "…, because". */
export interface Suitability {
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
}

/** Judges certificates that another CA issued. */
export interface CertificateJudge {
  suitability(purpose: CertificatePurpose, nodeName: string, certificate: CertificateFacts): Suitability;
  namesHost(certificate: CertificateFacts, host: string): boolean;
  /** The path from `leaf` to a self-signed one among `others`, leaf first, valid at `atSeconds`; or why there is none. */
  path(
    leaf: CertificateFacts,
    others: readonly CertificateFacts[],
    atSeconds: number,
  ): Promise<Outcome<readonly CertificateFacts[], string>>;
}

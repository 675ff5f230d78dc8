/**
 * What a trust list shall hold, before a byte of it exists. planItl and planCtl make plans, buildTrustList signs them,
 * checkInvariants asks whether a pair of them strands nobody.
 */
import { assert } from '../../base/assert.ts';
import { Failure } from '../../base/errors.ts';
import type { Role } from '../../wire/role.ts';
import { hostOf, type CertificatePurpose, type ClusterMode, type TrustListKind } from '../cluster/model.ts';
import type { CertificateFacts } from '../ports.ts';

export interface PlannedRecord {
  readonly role: Role;
  /** Undefined only for the servers of a nonsecure cluster's CTL (formats.md §3, 33-byte records). */
  readonly certificate: CertificateFacts | undefined;
  /** DNS NAME; '' for a certificate that belongs to no host of ours. */
  readonly dnsName: string;
  /** 4 or 16 bytes. */
  readonly ipAddress?: Uint8Array | undefined;
}

export interface TrustPlan {
  readonly kind: TrustListKind;
  readonly records: readonly PlannedRecord[];
  /** Whose key signs the list. */
  readonly signer: CertificateFacts;
}

export interface PlannedNode {
  readonly name: string;
  readonly host?: string | undefined;
  readonly ipAddress?: Uint8Array | undefined;
}

export interface OwnCertificate {
  readonly purpose: CertificatePurpose;
  /** Undefined for a certificate of the whole cluster (ITLRecovery, CAPF). */
  readonly node: string | undefined;
  readonly certificate: CertificateFacts;
}

export interface TrustInput {
  /** The node whose lists are planned. */
  readonly thisNode: string;
  readonly mode: ClusterMode;
  readonly nodes: readonly PlannedNode[];
  /** Of one purpose and node the first is in use; further ones (a rotation) are listed beside it. */
  readonly own: readonly OwnCertificate[];
  /** phone-sast-trust: foreign signers that a CTL lists as SAST. */
  readonly foreignSasts: readonly CertificateFacts[];
  /** phone-tftp-trust: signers of files, a proxy TFTP's, that a CTL lists as TFTP. */
  readonly foreignFileSigners: readonly CertificateFacts[];
}

/** The node of the lists first, then the others; each has a CallManager certificate, else Failure `refused`. */
export function plannedNodes(input: TrustInput): readonly [here: PlannedNode, ...others: PlannedNode[]] {
  const here = input.nodes.find((node) => node.name === input.thisNode);
  assert(here !== undefined, 'this node is a node of the cluster');
  for (const node of input.nodes) inUse(input, 'callmanager', node.name);
  return [here, ...input.nodes.filter((node) => node !== here)];
}

/** Own certificates of one purpose, of one node where a name is given. */
export function ownOf(
  input: TrustInput,
  purpose: CertificatePurpose,
  node?: string,
): readonly CertificateFacts[] {
  return input.own
    .filter((own) => own.purpose === purpose && (node === undefined || own.node === node))
    .map((own) => own.certificate);
}

/** The certificate in use; Failure `refused` when the cluster has none, since no list can be without it. */
export function inUse(input: TrustInput, purpose: CertificatePurpose, node?: string): CertificateFacts {
  const [certificate] = ownOf(input, purpose, node);
  if (certificate === undefined)
    throw new Failure(
      'refused',
      `there is no ${purpose} certificate${node === undefined ? '' : ` of node ${node}`}`,
      { hint: `tftp-pki issue-cert ${purpose}` },
    );
  return certificate;
}

/** Records of `certificates` that live on `node` (or on the node of the list, for the cluster's own). */
export function recordsOn(
  node: PlannedNode | undefined,
  role: Role,
  certificates: readonly CertificateFacts[],
): readonly PlannedRecord[] {
  return certificates.map((certificate) => ({
    role,
    certificate,
    dnsName: node === undefined ? '' : hostOf(node),
    ipAddress: node?.ipAddress,
  }));
}

/** Keeps the first of the records that say the same: one certificate in one role. */
export function withoutRepeats(records: readonly PlannedRecord[]): readonly PlannedRecord[] {
  const seen = new Set<string>();
  return records.filter(({ role, certificate, dnsName }) => {
    const key = `${role} ${certificate?.fingerprint ?? dnsName}`;
    return !seen.has(key) && seen.add(key);
  });
}

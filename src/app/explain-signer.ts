/**
 * Who signs a device's files and why: one signer for all phones (design.md §5), the one that every pair of lists in the
 * field accepts. Which it is follows from how far a renewal is; what this device would say, from what it may hold.
 */
import type { CertificateFacts } from '../core/ports.ts';
import type { HashName } from '../wire/algorithm.ts';
import type { Acceptance } from '../core/trust/list-library.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf, type ClusterView } from './cluster-view.ts';
import { deviceAccepts, readField, type FieldPorts } from './field.ts';

export interface SignerReason {
  readonly subject: string;
  readonly fingerprint: string;
  readonly hash: HashName;
  /** The end of "…, because". */
  readonly why: string;
  /** With every pair that it may hold; `unknown` where they differ, nobody knows them, or whether it reads the hash. */
  readonly device: Acceptance;
}

export async function explainSigner(ports: FieldPorts, device: string): Promise<SignerReason> {
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const signer = inUse(input, 'callmanager', input.thisNode);
  const own = ownOf(input, 'callmanager', input.thisNode);
  const { subject, fingerprint } = signer;
  const { hash } = view.cluster;
  return {
    subject,
    fingerprint,
    hash,
    why: reasonOf(view, own),
    device: deviceAccepts(await readField(ports), device, signer, hash),
  };
}

function reasonOf({ rotations }: ClusterView, own: readonly CertificateFacts[]): string {
  const step = rotations.find(({ purpose }) => purpose === 'callmanager')?.step;
  if (step === 'published')
    return 'its guided renewal waits for phones to take the lists that name the new key; until then the old one signs for all';
  if (step === 'switched')
    return 'its guided renewal came to the new key, which signs for all; the lists name the old one still';
  return own.length > 1
    ? 'its renewal has begun and nothing was switched: the old key signs for all until renew-cert callmanager --switch'
    : 'it is the one CallManager key of this node, which signs for all phones';
}

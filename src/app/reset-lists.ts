/**
 * Lists signed by another key than ITLRecovery, for phones that lost it (domain.md §2, "Recovery"): `localkey` is the
 * node's CallManager key, a SAST in the lists of its node; `remotekey` an ITLRecovery of another data folder, restored
 * from its PKCS#12; `keptkey` a signer that is retired here and whose key was kept. Whoever signs stands in the lists as SAST beside ours, so that the next regular list is accepted
 * by phones that took this one and by phones that did not. Refused: a key that phones take no list from.
 */
import { Failure } from '../base/errors.ts';
import type { TrustListKind } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Signer, Store } from '../core/ports.ts';
import { aftermathOfLists } from '../core/trust/aftermath.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';
import type { TrustOperation } from './trust-operation.ts';

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
}

export async function resetByLocalKey(ports: Ports, kind: TrustListKind): Promise<TrustOperation> {
  const input = trustInputOf(await readClusterView(ports.store, ports.crypto));
  if (kind === 'ctl' && !(await ports.store.currentLists()).some((list) => list.kind === 'ctl'))
    throw new Failure('refused', 'this cluster publishes no CTL', { hint: 'tftp-pki set-mode mixed' });
  return {
    operation: `reset-${kind} localkey`,
    request: { kinds: [kind], signer: inUse(input, 'callmanager', input.thisNode), onlyThisNode: true },
    warnings: [],
    question: `Publish an ${kind.toUpperCase()} signed by this node's CallManager key?`,
    aftermath: aftermathOfLists,
    next: `tftp-pki update-${kind} signs with ITLRecovery again, when phones have taken this one`,
    follows: { command: `tftp-pki update-${kind}`, request: { kinds: [kind] } },
  };
}

/** All lists, as for `remotekey`; phones that hold newer lists keep them. Only for a key that nobody else has. */
export function resetByKeptKey(signer: CertificateFacts): TrustOperation {
  return {
    operation: `reset-itl keptkey --signer ${signer.fingerprint.slice(0, 16)}`,
    request: { signer },
    warnings: ['the retired key is a signer of these lists again: whoever has it can sign for every phone'],
    question: `Publish lists signed by the retired ${signer.subject}?`,
    aftermath: aftermathOfLists,
    next: 'tftp-pki update-itl and update-ctl sign with ITLRecovery again, when those phones have taken these',
  };
}

/**
 * All lists, since phones that hold a CTL check an ITL against it. Phones that hold this folder's lists keep them, and
 * take the next regular ones.
 */
export async function resetByRemoteKey(ports: Ports, signer: Signer): Promise<TrustOperation> {
  const input = trustInputOf(await readClusterView(ports.store, ports.crypto));
  const own = inUse(input, 'itlrecovery').fingerprint === signer.certificate.fingerprint;
  return {
    operation: `reset-itl remotekey ${signer.certificate.fingerprint}`,
    request: { signer: signer.certificate },
    signer,
    warnings: own
      ? []
      : [
          'the restored key is a signer of these lists: whoever has it can sign for every phone that takes them',
        ],
    question: `Publish lists signed by ${signer.certificate.subject}?`,
    aftermath: aftermathOfLists,
    next: 'tftp-pki update-itl and update-ctl sign with ITLRecovery of this folder again, when phones have taken these',
    follows: { command: 'tftp-pki update-itl and update-ctl', request: {} },
  };
}

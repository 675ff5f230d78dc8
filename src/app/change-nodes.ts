/**
 * Nodes that join the cluster and leave it (design.md §7). A new node brings keys of its own, which stay in its folder;
 * the generation that names them is signed by ITLRecovery, whose key lies with the first node and comes for this one
 * operation. Refused: a name that is taken, the last node, a node that removes itself.
 */
import { Failure } from '../base/errors.ts';
import { hostOf, type CertificatePurpose } from '../core/cluster/model.ts';
import type { NewCertificate, Signer } from '../core/ports.ts';
import { aftermathOfLists } from '../core/trust/aftermath.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, thisNodeOf, trustInputOf } from './cluster-view.ts';
import {
  clusterWidePurposes,
  issueFresh,
  ownPurposes,
  refuseClusterNames,
  type InitPorts,
} from './init-cluster.ts';
import type { NewKey } from './new-keys.ts';
import { nodeOfRotation, refuseForeignRecovery } from './own-certificates.ts';
import type { TrustOperation } from './trust-operation.ts';

export interface JoinRequest {
  readonly nodeName: string;
  /** ITLRecovery, out of its PKCS#12. */
  readonly recovery: Signer;
  readonly by: string;
}

/** Makes the keys of the node, and the operation that names them to phones and keeps them. */
export async function joinNode(ports: InitPorts, request: JoinRequest): Promise<TrustOperation> {
  const { nodeName, recovery, by } = request;
  const view = await readClusterView(ports.store, ports.crypto);
  const { cluster, nodes } = view;
  refuseClusterNames({ clusterId: cluster.id, nodeName });
  if (nodes.some((node) => node.name === nodeName || hostOf(node) === nodeName))
    throw new Failure('refused', `the cluster has a node ${nodeName} already`, {
      hint: 'Give the new one another name, or remove-node the old one first.',
    });
  refuseForeignRecovery(view, recovery.certificate);
  const nowMs = ports.clock.nowMs();
  const ofNode: readonly CertificatePurpose[] = ownPurposes.filter((each) => !clusterWidePurposes.has(each));
  const addCertificates: NewCertificate[] = [];
  const newKeys: NewKey[] = [];
  for (const purpose of ofNode) {
    const node = { clusterId: cluster.id, nodeName, by };
    const { row, key } = await issueFresh(ports, node, purpose, 'join-node', nowMs);
    addCertificates.push(row);
    newKeys.push(key);
  }
  return {
    operation: `join-node ${nodeName}`,
    request: { change: { addNodes: [{ name: nodeName, createdMs: nowMs }], addCertificates } },
    newKeys,
    signer: recovery,
    warnings: [],
    question: `Publish lists that name ${nodeName}?`,
    aftermath: aftermathOfLists,
    next: 'tftp-pki serve on this node, then its address behind the others in option 150, when phones hold the new lists',
  };
}

/** Phones fall over to the nodes that stay, whose lists they accept. */
export async function removeNode(
  ports: Pick<InitPorts, 'store' | 'crypto'>,
  name: string,
): Promise<TrustOperation> {
  const view = await readClusterView(ports.store, ports.crypto);
  if (!view.nodes.some((node) => node.name === name))
    throw new Failure('not-found', `there is no node ${name}`, { hint: 'tftp-pki status lists the nodes.' });
  if (thisNodeOf(view).name === name)
    throw new Failure('refused', 'a node does not remove itself: phones need another one to hear of it', {
      hint: `tftp-pki remove-node ${name} on a node that stays.`,
    });
  // The lists are signed by it.
  inUse(trustInputOf(view), 'itlrecovery');
  const retireCertificates = view.certificates
    .filter((row) => row.store === 'own' && row.node === name)
    .map(({ id }) => id);
  const rotation = view.rotations.find((each) => nodeOfRotation(view, each) === name);
  return {
    operation: `remove-node ${name}`,
    request: {
      change: {
        removeNodes: [name],
        retireCertificates,
        ...(rotation && { rotation: { purpose: rotation.purpose, to: undefined } }),
      },
    },
    warnings: [`take the address of ${name} out of option 150 first: phones that ask it find nobody`],
    question: `Publish lists without ${name}?`,
    aftermath: aftermathOfLists,
  };
}

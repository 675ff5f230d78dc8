/**
 * A drill: the second SAST signs the lists as they would be published and phones with today's lists judge them, second
 * verifier included. Nothing is published; that the key opens and that phones would follow it is known afterwards.
 * Each node's CallManager key is a SAST in that node's lists alone, so every node has a drill of its own.
 */
import { Failure } from '../base/errors.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import { buildTrustList } from '../core/signing/build-trust-list.ts';
import { allowAdoptedRsa4096 } from '../core/signing/sign-header.ts';
import { judgeFile } from '../core/trust/judge.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { trustInputOf } from './cluster-view.ts';
import { planPublication } from './plan-publication.ts';
import { listFileNames, type PublishPorts } from './publish-lists.ts';

export interface DrilledList {
  readonly kind: TrustListKind;
  /** Whose lists, and whose key. */
  readonly node: string;
  readonly signer: string;
  readonly bytes: number;
  readonly accepted: boolean;
  /** The phone's word, or the second verifier's. */
  readonly reason: string;
}

/** Signs with this node's CallManager key, the SAST beside ITLRecovery. Failure `refused` before the first lists. */
export async function drillRecovery(ports: PublishPorts): Promise<readonly DrilledList[]> {
  const { crypto, clock, signers, keyFiles, verifyAgain } = ports;
  const planned = await planPublication(ports, { onlyThisNode: true });
  const input = trustInputOf(planned.view);
  const node = input.thisNode;
  const current = planned.current.filter((list) => list.node === node);
  if (current.length === 0)
    throw new Failure('refused', 'there is no list yet that phones could hold', { hint: 'tftp-pki status' });
  const certificate = inUse(input, 'callmanager', input.thisNode);
  const signer = await signers.open(certificate, await keyFiles.read(certificate.fingerprint));
  const held = heldOf(current);
  const drilled: DrilledList[] = [];
  for (const { kind, plan } of planned.lists.filter((list) => list.node === node)) {
    if (plan === undefined) continue;
    const fileName = listFileNames[kind];
    const before = current.find((list) => list.kind === kind);
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const bytes = await buildTrustList({
      kind,
      records: plan.records,
      fileName,
      timestamp: Math.max(nowSeconds, certificate.notBefore, (before?.timestamp ?? 0) + 1),
      hash: planned.view.cluster.hash,
      signer,
      preparesRollback: kind === 'itl' && planned.rollback,
      allowRsa4096: allowAdoptedRsa4096,
    });
    const doubt = verifyAgain(bytes, { name: fileName, previousList: held[kind] });
    const judged = judgeFile(crypto, held, { name: fileName, bytes }, nowSeconds);
    drilled.push({
      kind,
      node,
      signer: certificate.subject,
      bytes: bytes.length,
      accepted: doubt === undefined && judged.phone === 'accept',
      reason: doubt === undefined ? judged.reason : `the second verifier: ${doubt}`,
    });
  }
  return drilled;
}

function heldOf(lists: readonly PublishedList[]): Readonly<Record<TrustListKind, Uint8Array | undefined>> {
  const of = (kind: TrustListKind): Uint8Array | undefined => lists.find((list) => list.kind === kind)?.bytes;
  return { ctl: of('ctl'), itl: of('itl') };
}

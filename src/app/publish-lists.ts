/**
 * Publishes the lists of the cluster as it stands (design.md §5): planned, checked against the invariants, signed by
 * ITLRecovery, staged, read back by a new connection, verified a second time and judged as a phone that holds the
 * current generation would; only then made current, in one transaction. Any failure leaves the old generation.
 */
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { encodeUtf8, toHex } from '../base/text.ts';
import type { AuditEntry } from '../core/audit/audit-chain.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { Crypto, SecondVerifier, Signer, Store, WallClock } from '../core/ports.ts';
import { buildTrustList } from '../core/signing/build-trust-list.ts';
import { checkInvariants, viewOfPlan } from '../core/trust/invariants.ts';
import { judgeFile } from '../core/trust/judge.ts';
import { planCtl } from '../core/trust/plan-ctl.ts';
import { planItl } from '../core/trust/plan-itl.ts';
import { inUse, type TrustInput, type TrustPlan } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';

export interface PublishPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly verifyAgain: SecondVerifier;
}

export const listFileNames: Readonly<Record<TrustListKind, string>> = {
  itl: 'ITLFile.tlv',
  ctl: 'CTLFile.tlv',
};

/** Gives the new generation's number. `listSigner` is the ITLRecovery signer, open for this call only. */
export async function publishLists(
  ports: PublishPorts,
  listSigner: Signer,
  audit: AuditEntry,
): Promise<number> {
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const current = await ports.store.currentLists();
  const plans = planGeneration(input, current);
  refuseBroken(plans, input);

  const lists: Omit<PublishedList, 'generation'>[] = [];
  for (const plan of plans) {
    const timestamp = await ports.store.signedTimestamp(
      listFileNames[plan.kind],
      plan.signer.fingerprint,
      toHex(ports.crypto.digest('sha256', contentOf(plan))),
      Math.max(plan.signer.notBefore, Math.floor(ports.clock.nowMs() / 1000)),
    );
    const bytes = await buildTrustList({
      kind: plan.kind,
      records: plan.records,
      fileName: listFileNames[plan.kind],
      timestamp,
      hash: view.cluster.hash,
      signer: listSigner,
    });
    lists.push({
      kind: plan.kind,
      node: input.thisNode,
      bytes,
      signer: listSigner.certificate.fingerprint,
      sha256: toHex(ports.crypto.digest('sha256', bytes)),
      timestamp,
      publishedMs: ports.clock.nowMs(),
    });
  }
  return ports.store.publish(
    lists,
    (staged, before) => refuseUnbelievable(ports, lists, staged, before),
    audit,
  );
}

/** A CTL is sticky: once phones hold one it is published in every generation, in nonsecure mode too. */
function planGeneration(input: TrustInput, current: readonly PublishedList[]): readonly TrustPlan[] {
  const sticky = current.some((list) => list.kind === 'ctl');
  return input.mode === 'mixed' || sticky ? [planItl(input), planCtl(input)] : [planItl(input)];
}

function refuseBroken(plans: readonly TrustPlan[], input: TrustInput): void {
  const [itl, ctl] = plans.map(viewOfPlan);
  if (itl === undefined) return;
  const fileSigner = inUse(input, 'callmanager', input.thisNode).fingerprint;
  const recovery = inUse(input, 'itlrecovery').fingerprint;
  const broken = checkInvariants(itl, ctl, { fileSigner, nextSigners: [fileSigner, recovery] });
  if (broken.length > 0)
    throw new Failure('refused', `this generation could strand phones: ${broken.join('; ')}`);
}

/** What the list says, without when and by whose hand: equal for equal lists. */
function contentOf(plan: TrustPlan): Uint8Array {
  const lines = plan.records.map(({ role, certificate, dnsName, ipAddress }) =>
    [role, certificate?.fingerprint ?? '-', dnsName, ipAddress ? toHex(ipAddress) : '-'].join(' '),
  );
  return encodeUtf8(lines.join('\n'));
}

/** The publisher's check on what the database gave back. Throws Failure `refused` or `storage-corrupt`. */
function refuseUnbelievable(
  { crypto, clock, verifyAgain }: PublishPorts,
  built: readonly Omit<PublishedList, 'generation'>[],
  staged: readonly PublishedList[],
  before: readonly PublishedList[],
): void {
  for (const list of built) {
    const name = listFileNames[list.kind];
    const read = staged.find((candidate) => candidate.kind === list.kind && candidate.node === list.node);
    if (read === undefined || !equalBytes(read.bytes, list.bytes))
      throw new Failure('storage-corrupt', `${name} is not what was written`);
    const previous = before.find((candidate) => candidate.kind === list.kind && candidate.node === list.node);
    const doubt = verifyAgain(read.bytes, { name, previousList: previous?.bytes });
    if (doubt !== undefined) throw new Failure('refused', `the second verifier refuses ${name}: ${doubt}`);
    const held = (kind: TrustListKind): Uint8Array | undefined =>
      before.find((candidate) => candidate.kind === kind && candidate.node === list.node)?.bytes;
    const phone = { ctl: held('ctl'), itl: held('itl') };
    const judged = judgeFile(crypto, phone, { name, bytes: read.bytes }, Math.floor(clock.nowMs() / 1000));
    if (judged.phone !== 'accept')
      throw new Failure('refused', `a phone with the current lists would not take ${name}: ${judged.reason}`);
  }
}

/**
 * What phones are served in a state of the cluster, be it the one in force or one on paper: each node's lists, a
 * configuration by the signer in use, and what its TVS says.
 */
import { assert } from '../base/assert.ts';
import { toHex } from '../base/text.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { Crypto } from '../core/ports.ts';
import { sameSerial } from '../core/trust/anchor.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { namesAttributes } from '../core/trust/name-text.ts';
import { paperConfig, paperList } from '../core/trust/paper.ts';
import type { Served, ServedFile } from '../core/trust/strand.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import { vouchedRoles } from '../core/tvs/vouching.ts';
import { trustInputOf, type ClusterView } from './cluster-view.ts';
import { replacedList, type PlannedPublication, type TrustState } from './plan-publication.ts';
import { listFileNames } from './publish-lists.ts';

/** As it will be when the planned lists are published. `step`: how many publications on paper went before. */
export async function stateAfter(crypto: Crypto, planned: PlannedPublication, step = 0): Promise<TrustState> {
  const generation = 1 + Math.max(-1, ...planned.current.map((list) => list.generation));
  const current: PublishedList[] = [];
  for (const list of planned.lists) {
    const { kind, node, plan } = list;
    if (plan === undefined) {
      const before = replacedList(planned, list);
      assert(before !== undefined, 'what is carried over was published');
      current.push(before);
      continue;
    }
    const fileName = listFileNames[kind];
    const { hash } = planned.view.cluster;
    const { bytes } = await paperList(plan, { hash, rollback: planned.rollback, fileName, step });
    current.push({
      generation,
      kind,
      node,
      bytes,
      signer: plan.signer.fingerprint,
      sha256: toHex(crypto.digest('sha256', bytes)),
      timestamp: Number.MAX_SAFE_INTEGER,
      publishedMs: Number.MAX_SAFE_INTEGER,
    });
  }
  return { view: planned.view, current };
}

export async function servedBy(crypto: Crypto, { view, current }: TrustState, node: string): Promise<Served> {
  const file = (kind: TrustListKind): ServedFile | undefined => {
    const list = current.find((each) => each.kind === kind && each.node === node);
    return list && { name: listFileNames[kind], bytes: list.bytes };
  };
  const input = trustInputOf(view, node);
  return {
    ctl: file('ctl'),
    itl: file('itl'),
    config: await paperConfig(inUse(input, 'callmanager', input.thisNode), view.cluster.hash),
    tvs: tvsOf(crypto, view, node),
    tvsName: node,
  };
}

/** As our TVS would answer, under the certificate it speaks with. */
function tvsOf(crypto: Crypto, view: ClusterView, node: string): Served['tvs'] {
  const input = trustInputOf(view, node);
  const [server] = ownOf(input, 'tvs', input.thisNode);
  return (issuer, serial): TvsAnswer => {
    if (server === undefined) return { kind: 'unreachable' };
    const row = view.certificates.find(({ der }) => {
      const facts = crypto.readCertificate(der);
      return (
        facts !== undefined &&
        sameSerial(facts.serial, serial) &&
        namesAttributes(issuer, facts.issuerAttributes)
      );
    });
    const roles = row === undefined ? [] : vouchedRoles(row, node);
    if (row === undefined || roles.length === 0) return { kind: 'refused', server: server.der };
    return { kind: 'vouched', server: server.der, certificate: row.der, roles };
  };
}

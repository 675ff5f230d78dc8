/**
 * The planner over a publication that is about to happen: what phones are served now and would be served then, on paper,
 * and every phone of the field between the two. Touches no key and writes nothing.
 */
import { offlineAfterMs } from '../base/limits.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { Crypto } from '../core/ports.ts';
import { sameSerial } from '../core/trust/anchor.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { describeSide } from '../core/trust/list-library.ts';
import { namesAttributes } from '../core/trust/name-text.ts';
import { paperConfig, paperList } from '../core/trust/paper.ts';
import {
  planStranding,
  RoadFinder,
  type Served,
  type ServedFile,
  type StrandReport,
} from '../core/trust/strand.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import { vouchedRoles } from '../core/tvs/vouching.ts';
import { readClusterView, trustInputOf, type ClusterView } from './cluster-view.ts';
import { readField, type Field, type FieldPorts } from './field.ts';
import { replacedList, type PlannedPublication } from './plan-publication.ts';
import { listFileNames } from './publish-lists.ts';

export interface PlannedStrand extends StrandReport {
  /** Each pair with its lists as people name them, most phones first. */
  readonly shown: readonly ShownVerdict[];
}

export interface ShownVerdict {
  readonly ctl: string;
  readonly itl: string;
  readonly phones: number;
  /** `CTL`, `ITL, with new lists`, `none`; one for each reading that differs. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly stranded: boolean;
}

/** `serving` is the folder whose files phones get now, where it is another one than that which will publish. */
export async function planStrand(
  ports: FieldPorts,
  planned: PlannedPublication,
  serving: Pick<FieldPorts, 'store' | 'crypto'> = ports,
): Promise<PlannedStrand> {
  const field = await readField(ports);
  const before = await servedNow(serving, planned);
  const after = await servedThen(ports.crypto, planned);
  const nowMs = ports.clock.nowMs();
  const finder = new RoadFinder(ports.crypto, field.library, { before, after });
  const report = planStranding(finder, field.library, field.groups, nowMs - offlineAfterMs);
  return { ...report, shown: shownOf(field, report) };
}

async function servedNow(
  ports: Pick<FieldPorts, 'store' | 'crypto'>,
  { current }: PlannedPublication,
): Promise<Served> {
  const view = await readClusterView(ports.store, ports.crypto);
  const node = servingNode(view);
  const lists = current.filter((list) => list.node === node);
  return { ...listsOf(lists), ...(await filesOf(ports.crypto, view, node)) };
}

async function servedThen(crypto: Crypto, planned: PlannedPublication): Promise<Served> {
  const lists: Partial<Record<TrustListKind, ServedFile>> = {};
  const serving = servingNode(planned.view);
  for (const list of planned.lists.filter(({ node }) => node === serving)) {
    const { kind, plan } = list;
    const fileName = listFileNames[kind];
    const before = replacedList(planned, list);
    const { hash } = planned.view.cluster;
    if (plan !== undefined)
      lists[kind] = await paperList(plan, { hash, rollback: planned.rollback, fileName });
    else if (before !== undefined) lists[kind] = { name: fileName, bytes: before.bytes };
  }
  return { ctl: lists.ctl, itl: lists.itl, ...(await filesOf(crypto, planned.view, serving)) };
}

/** Phones ask this node; one that only now joins is asked by nobody yet. */
function servingNode({ thisNode, nodes }: ClusterView): string {
  return nodes.find(({ name }) => name === thisNode)?.name ?? nodes[0]?.name ?? '';
}

function listsOf(lists: readonly PublishedList[]): Pick<Served, 'ctl' | 'itl'> {
  const file = (kind: TrustListKind): ServedFile | undefined => {
    const list = lists.find((each) => each.kind === kind);
    return list && { name: listFileNames[kind], bytes: list.bytes };
  };
  return { ctl: file('ctl'), itl: file('itl') };
}

async function filesOf(
  crypto: Crypto,
  view: ClusterView,
  node: string,
): Promise<Pick<Served, 'config' | 'tvs'>> {
  const input = trustInputOf(view, node);
  return {
    config: await paperConfig(inUse(input, 'callmanager', input.thisNode), view.cluster.hash),
    tvs: tvsOf(crypto, view, node),
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

function shownOf(field: Field, { pairs }: StrandReport): readonly ShownVerdict[] {
  return pairs
    .toSorted((a, b) => b.phones - a.phones)
    .map(({ key, phones, before, after, stranded }) => ({
      ctl: describeSide(field.library, key, 'ctl'),
      itl: describeSide(field.library, key, 'itl'),
      phones,
      before: before.map(roadWords),
      after: after.map(roadWords),
      stranded,
    }));
}

function roadWords({ path, afterLists }: StrandReport['pairs'][number]['before'][number]): string {
  return afterLists ? `${path}, with new lists` : path;
}

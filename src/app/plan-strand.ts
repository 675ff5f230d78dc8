/**
 * The planner over a publication that is about to happen: what phones are served now and would be served then, on paper,
 * and every phone of the field between the two. Touches no key and writes nothing.
 */
import { offlineAfterMs } from '../base/limits.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { Crypto } from '../core/ports.ts';
import { sameSerial } from '../core/trust/anchor.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { describeSide, ListLibrary } from '../core/trust/list-library.ts';
import { namesAttributes } from '../core/trust/name-text.ts';
import { paperConfig, paperList } from '../core/trust/paper.ts';
import {
  atEveryNode,
  planStranding,
  RoadFinder,
  type PairJudge,
  type Served,
  type ServedFile,
  type StrandReport,
} from '../core/trust/strand.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import { vouchedRoles } from '../core/tvs/vouching.ts';
import { readClusterView, trustInputOf, type ClusterView } from './cluster-view.ts';
import { readField, type FieldPorts } from './field.ts';
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
  /** Nobody said that they read SHA-512, which something is signed with. */
  readonly mayNeedSha1: boolean;
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
  const judge = await judgeOf(ports.crypto, field.library, planned, serving);
  const nowMs = ports.clock.nowMs();
  const report = planStranding(judge, field.library, field.groups, nowMs - offlineAfterMs);
  return { ...report, shown: report.pairs.toSorted(mostFirst).map((pair) => shownOf(field.library, pair)) };
}

/**
 * Every pair that could be made of the published lists, whoever holds it: for phones that no database counts yet.
 * `stranded`: no path afterwards that can be relied upon, whatever it was before. Phones that hold published lists read
 * their hash, which goes on being used.
 */
export async function planEveryPair(
  { store, crypto }: Pick<FieldPorts, 'store' | 'crypto'>,
  planned: PlannedPublication,
): Promise<readonly ShownVerdict[]> {
  const library = new ListLibrary(crypto, await store.listPublished());
  const judge = await judgeOf(crypto, library, planned, { store, crypto });
  return library.allPairs().map((key) => {
    const verdict = judge.verdict(key, true);
    const stranded = verdict.after.some(({ path }) => path === 'none' || path === 'TVS');
    return shownOf(library, { ...verdict, stranded, phones: 0 });
  });
}

async function judgeOf(
  crypto: Crypto,
  library: ListLibrary,
  planned: PlannedPublication,
  serving: Pick<FieldPorts, 'store' | 'crypto'>,
): Promise<PairJudge> {
  const now = await readClusterView(serving.store, serving.crypto);
  const current = await serving.store.currentLists();
  const finders: RoadFinder[] = [];
  for (const { before, after } of nodesToJudge(now, planned.view))
    finders.push(
      new RoadFinder(crypto, library, {
        before: await servedNow(serving.crypto, now, current, before),
        after: await servedThen(crypto, planned, after),
      }),
    );
  return atEveryNode(finders);
}

/** Where a phone boots before and after: the same node, one that has another name or is another folder's, or one that stays. */
interface JudgedNode {
  readonly before: string;
  readonly after: string;
}

/**
 * A phone may ask any node that is there now and then: when one is away it goes to the next, with whatever lists it has.
 * One that only joins is asked by nobody yet; from one that leaves phones go to those that stay, also phones that had a
 * path at that one alone.
 */
function nodesToJudge({ nodes: now }: ClusterView, { nodes: then }: ClusterView): readonly JudgedNode[] {
  const staying = then.filter(({ name }) => now.some((node) => node.name === name));
  const leaving = now.filter(({ name }) => then.every((node) => node.name !== name));
  if (staying.length === 0) return [{ before: now[0]?.name ?? '', after: then[0]?.name ?? '' }];
  return [
    ...staying.map(({ name }) => ({ before: name, after: name })),
    ...leaving.flatMap((gone) => staying.map(({ name }) => ({ before: gone.name, after: name }))),
  ];
}

async function servedNow(
  crypto: Crypto,
  view: ClusterView,
  current: readonly PublishedList[],
  node: string,
): Promise<Served> {
  const lists = current.filter((list) => list.node === node);
  return { ...listsOf(lists), ...(await filesOf(crypto, view, node)) };
}

async function servedThen(crypto: Crypto, planned: PlannedPublication, node: string): Promise<Served> {
  const lists: Partial<Record<TrustListKind, ServedFile>> = {};
  for (const list of planned.lists.filter((each) => each.node === node)) {
    const { kind, plan } = list;
    const fileName = listFileNames[kind];
    const before = replacedList(planned, list);
    const { hash } = planned.view.cluster;
    if (plan !== undefined)
      lists[kind] = await paperList(plan, { hash, rollback: planned.rollback, fileName });
    else if (before !== undefined) lists[kind] = { name: fileName, bytes: before.bytes };
  }
  return { ctl: lists.ctl, itl: lists.itl, ...(await filesOf(crypto, planned.view, node)) };
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

type CountedPair = StrandReport['pairs'][number];

function mostFirst(a: CountedPair, b: CountedPair): number {
  return b.phones - a.phones;
}

function shownOf(
  library: ListLibrary,
  { key, mayNeedSha1, phones, before, after, stranded }: CountedPair,
): ShownVerdict {
  return {
    ctl: describeSide(library, key, 'ctl'),
    itl: describeSide(library, key, 'itl'),
    phones,
    mayNeedSha1,
    before: before.map(roadWords),
    after: after.map(roadWords),
    stranded,
  };
}

function roadWords({ path, afterLists }: CountedPair['before'][number]): string {
  return afterLists ? `${path}, with new lists` : path;
}

/**
 * The planner over a publication that is about to happen: what phones are served now and would be served then, on paper,
 * and every phone of the field between the two. Touches no key and writes nothing.
 */
import { offlineAfterMs } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import type { Crypto } from '../core/ports.ts';
import { describeSide, ListLibrary } from '../core/trust/list-library.ts';
import {
  atEveryNode,
  planStranding,
  RoadFinder,
  type PairJudge,
  type StrandReport,
} from '../core/trust/strand.ts';
import type { ClusterView } from './cluster-view.ts';
import { readField, type Field, type FieldPorts } from './field.ts';
import { readTrustState, type PlannedPublication, type TrustState } from './plan-publication.ts';
import { servedBy, stateAfter } from './served-files.ts';

export interface PlannedStrand extends StrandReport {
  /** Each pair with its lists as people name them, most phones first. */
  readonly shown: readonly ShownVerdict[];
  /** What the verdicts were given on; a plan of what may follow goes on from there. */
  readonly basis: StrandBasis;
}

export interface StrandBasis {
  readonly field: Field;
  readonly before: TrustState;
  readonly after: TrustState;
  readonly judge: PairJudge;
  readonly offlineBeforeMs: number;
}

export interface ShownVerdict {
  readonly ctl: string;
  readonly itl: string;
  readonly phones: number;
  /** Nobody said that they read SHA-512, which something is signed with. */
  readonly mayNeedSha1: boolean;
  /** `CTL`, `ITL, with new lists`, `TVS of cucm-a`, `none`; one for each reading that differs. */
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
  const { crypto, clock } = ports;
  const field = await readField(ports);
  const before = await readTrustState(serving);
  const after = await stateAfter(crypto, planned);
  const judge = await judgeBetween(crypto, field.library, before, after);
  const offlineBeforeMs = clock.nowMs() - offlineAfterMs;
  const report = planStranding(judge, field.library, field.groups, offlineBeforeMs);
  return {
    ...report,
    shown: report.pairs.toSorted(mostFirst).map((pair) => shownOf(field.library, pair)),
    basis: { field, before, after, judge, offlineBeforeMs },
  };
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
  const before = await readTrustState({ store, crypto });
  const judge = await judgeBetween(crypto, library, before, await stateAfter(crypto, planned));
  return library.allPairs().map((key) => {
    const verdict = judge.verdict(key, true);
    const stranded = verdict.after.some(({ path }) => path === 'none' || path === 'TVS');
    return shownOf(library, { ...verdict, stranded, phones: 0 });
  });
}

export async function judgeBetween(
  crypto: Crypto,
  library: ListLibrary,
  before: TrustState,
  after: TrustState,
): Promise<PairJudge> {
  const finders: RoadFinder[] = [];
  for (const node of nodesToJudge(before.view, after.view))
    finders.push(
      new RoadFinder(crypto, library, {
        before: await servedBy(crypto, before, node.before),
        after: await servedBy(crypto, after, node.after),
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

function roadWords({ path, afterLists, via }: CountedPair['before'][number]): string {
  const words = via === undefined ? path : `${path} of ${printable(via)}`;
  return afterLists ? `${words}, with new lists` : words;
}

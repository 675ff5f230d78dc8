/**
 * Plans a generation of trust lists before a key is touched (design.md §5): the cluster as it will be, its lists, the
 * invariants over the pair that phones will hold, and what changes record by record. Refuses what could strand phones.
 */
import { Failure } from '../base/errors.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, TrustChange } from '../core/ports.ts';
import { recordFields } from '../core/signing/build-trust-list.ts';
import { diffLists, formatDiff, type ListSide } from '../core/trust/diff.ts';
import {
  checkInvariants,
  viewOfList,
  viewOfPlan,
  type ListView,
  type SigningKeys,
} from '../core/trust/invariants.ts';
import { isPreparedForRollback, readHeld } from '../core/trust/phone-trust.ts';
import { planCtl } from '../core/trust/plan-ctl.ts';
import { planItl, withoutFileSigners } from '../core/trust/plan-itl.ts';
import {
  inUse,
  ownOf,
  recordsOn,
  withoutRepeats,
  type TrustInput,
  type TrustPlan,
} from '../core/trust/trust-plan.ts';
import { decodeTrustList } from '../wire/trust-list.ts';
import { readClusterView, thisNodeOf, trustInputOf, viewAfter, type ClusterView } from './cluster-view.ts';

export interface PublicationRequest {
  /** What changes in the cluster together with its lists; the plan is of the cluster after it. */
  readonly change?: TrustChange | undefined;
  /** The lists that are made anew (default both); the others of the generation are carried over as they are. */
  readonly kinds?: readonly TrustListKind[] | undefined;
  /** An ITL prepared for rollback, or no longer; undefined keeps it as it is. */
  readonly rollback?: boolean | undefined;
  /** Who signs instead of ITLRecovery; a certificate that is none of ours is listed as SAST while it signs. */
  readonly signer?: CertificateFacts | undefined;
  /** The lists of this node only: its CallManager is a signer for no other node's phones. */
  readonly onlyThisNode?: boolean | undefined;
  /** Nothing is published: the lists stay whatever they are, and what else phones meet changes (what the TVS says). */
  readonly listsStay?: boolean | undefined;
}

export interface PlannedList {
  readonly kind: TrustListKind;
  readonly node: string;
  /** Undefined for a list that is carried over. */
  readonly plan: TrustPlan | undefined;
  /** One line a change against the list in force; empty when no record and no signer changes. */
  readonly diff: readonly string[];
}

export interface PlannedPublication {
  readonly view: ClusterView;
  /** Of all nodes. */
  readonly current: readonly PublishedList[];
  readonly change: TrustChange;
  readonly lists: readonly PlannedList[];
  readonly rollback: boolean;
  /**
   * Phones that hold the current lists do not know the signer: they keep what they hold, which goes on working,
   * and take the next list that ITLRecovery signs.
   */
  readonly currentKeep: boolean;
}

/** What a publication starts from. */
export interface TrustState {
  readonly view: ClusterView;
  /** Of all nodes. */
  readonly current: readonly PublishedList[];
}

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
}

export async function readTrustState({ store, crypto }: Ports): Promise<TrustState> {
  return { view: await readClusterView(store, crypto), current: await store.currentLists() };
}

/** Failure `refused` with every invariant that the generation would break. */
export async function planPublication(
  ports: Ports,
  request: PublicationRequest,
): Promise<PlannedPublication> {
  return planPublicationOn(ports.crypto, await readTrustState(ports), request);
}

/** As `planPublication`, from a state that may be one on paper. */
export function planPublicationOn(
  crypto: Crypto,
  state: TrustState,
  request: PublicationRequest,
): PlannedPublication {
  const planned = draftPublication(crypto, state, request);
  if (request.listsStay === true) return planned;
  const { view, current, rollback } = planned;
  const field: Field = { crypto, current, rollback };
  const inputs = view.nodes.map(({ name }) => trustInputOf(view, name));
  for (const input of inputs) {
    const lists = planned.lists.filter(({ node }) => node === input.thisNode);
    const views = lists.map((list) => viewOfPlanned(field, list));
    refuseBroken(views, { ...keysOf(input), itlPreparedForRollback: rollback });
  }
  if (planned.currentKeep) for (const input of inputs) refuseLosing(field, input);
  return planned;
}

/** The same before anybody asked whether it strands phones: nothing may be published of it. */
export function draftPublication(
  crypto: Crypto,
  { view: now, current }: TrustState,
  request: PublicationRequest,
): PlannedPublication {
  const { change = {}, signer } = request;
  const view = viewAfter(crypto, now, change);
  const rollback = request.rollback ?? isRollbackList(crypto, current);
  if (request.listsStay === true) {
    const lists = current.map(({ kind, node }) => ({ kind, node, plan: undefined, diff: [] }));
    return { view, current, change, lists, rollback, currentKeep: false };
  }
  const field: Field = { crypto, current, rollback };
  const inputs = view.nodes.map(({ name }) => trustInputOf(view, name));
  const thisNode = thisNodeOf(view).name;
  const lists = inputs.flatMap((input) => planNode(field, request, input, thisNode));
  const [first] = inputs;
  const currentKeep =
    first !== undefined && !knownAsSast(field, lists, signer ?? inUse(first, 'itlrecovery'));
  return { view, current, change, lists, rollback, currentKeep };
}

/** What every list is planned against. */
interface Field {
  readonly crypto: Crypto;
  readonly current: readonly PublishedList[];
  readonly rollback: boolean;
}

function planNode(
  { current, rollback }: Field,
  { kinds = ['itl', 'ctl'], signer, onlyThisNode = false }: PublicationRequest,
  input: TrustInput,
  thisNode: string,
): readonly PlannedList[] {
  const node = input.thisNode;
  const wanted = onlyThisNode && node !== thisNode ? [] : kinds;
  return wantedKinds(input, current).map((kind): PlannedList => {
    const before = find(current, kind, node);
    if (before !== undefined && !wanted.includes(kind) && isSignedByUs(before, input))
      return { kind, node, plan: undefined, diff: [] };
    const plan = signedBy(planOf(kind, input, rollback), signer);
    return { kind, node, plan, diff: describeChange(before, plan) };
  });
}

/** A list signed by a restored key of elsewhere is not carried over: the new list does not know that signer. */
function isSignedByUs({ signer }: PublishedList, input: TrustInput): boolean {
  const own = [...ownOf(input, 'itlrecovery'), ...ownOf(input, 'callmanager', input.thisNode)];
  return own.some(({ fingerprint }) => fingerprint === signer);
}

/** A CTL is sticky: once phones hold one it is published in every generation, in nonsecure mode too. */
function wantedKinds(input: TrustInput, current: readonly PublishedList[]): readonly TrustListKind[] {
  const sticky = current.some((list) => list.kind === 'ctl');
  return input.mode === 'mixed' || sticky ? ['itl', 'ctl'] : ['itl'];
}

function planOf(kind: TrustListKind, input: TrustInput, rollback: boolean): TrustPlan {
  if (kind === 'ctl') return planCtl(input);
  return rollback ? withoutFileSigners(planItl(input)) : planItl(input);
}

/** The list signed by somebody else, who has to stand in it. */
function signedBy(plan: TrustPlan, signer: CertificateFacts | undefined): TrustPlan {
  if (signer === undefined) return plan;
  const records = [...plan.records, ...recordsOn(undefined, 'SAST', [signer])];
  return { ...plan, signer, records: withoutRepeats(records) };
}

function keysOf(input: TrustInput): SigningKeys {
  const fileSigner = inUse(input, 'callmanager', input.thisNode).fingerprint;
  return { fileSigner, nextSigners: [fileSigner, inUse(input, 'itlrecovery').fingerprint] };
}

function viewOfPlanned(field: Field, { kind, node, plan }: PlannedList): ListView {
  return plan ? viewOfPlan(plan) : viewOfPublished(field.crypto, find(field.current, kind, node), kind);
}

function viewOfPublished(crypto: Crypto, list: PublishedList | undefined, kind: TrustListKind): ListView {
  const decoded = list && decodeTrustList(list.bytes);
  if (list === undefined || decoded?.ok !== true)
    throw new Failure('storage-corrupt', `the current ${kind.toUpperCase()} cannot be read`);
  return viewOfList(crypto, decoded.value, list.signer);
}

function refuseBroken([itl, ctl]: readonly ListView[], keys: SigningKeys): void {
  const broken = itl === undefined ? [] : checkInvariants(itl, ctl, keys);
  if (broken.length > 0)
    throw new Failure('refused', `this generation could strand phones: ${broken.join('; ')}`);
}

/** By every phone that is to take one of the new lists, whichever node's lists it holds. */
function knownAsSast(
  { crypto, current }: Field,
  lists: readonly PlannedList[],
  signer: CertificateFacts,
): boolean {
  const renewed = new Set(lists.filter(({ plan }) => plan !== undefined).map(({ node }) => node));
  return current
    .filter(({ node }) => renewed.has(node))
    .every((list) =>
      viewOfPublished(crypto, list, list.kind).records.some(
        (record) => record.role === 'SAST' && record.fingerprint === signer.fingerprint,
      ),
    );
}

/** Phones that refuse the new lists live on with the current ones: then these must hold every invariant. */
function refuseLosing({ crypto, current }: Field, input: TrustInput): void {
  const [itl, ctl] = (['itl', 'ctl'] as const).map((kind) => {
    const list = find(current, kind, input.thisNode);
    return list && viewOfPublished(crypto, list, kind);
  });
  const broken = itl === undefined ? [] : checkInvariants(itl, ctl, keysOf(input));
  if (broken.length > 0)
    throw new Failure(
      'refused',
      `phones that hold the current lists would not take these and could not live with theirs: ${broken.join('; ')}`,
    );
}

function find(lists: readonly PublishedList[], kind: TrustListKind, node: string): PublishedList | undefined {
  return lists.find((list) => list.kind === kind && list.node === node);
}

function isRollbackList(crypto: Crypto, current: readonly PublishedList[]): boolean {
  const itl = current.find((list) => list.kind === 'itl')?.bytes;
  const held = readHeld(crypto, { itl });
  return held.ok && isPreparedForRollback(held.value);
}

function describeChange(before: PublishedList | undefined, plan: TrustPlan): readonly string[] {
  const { subject: name, serial } = plan.signer;
  const after: ListSide = { header: { signer: { name, serial } }, records: plan.records.map(recordFields) };
  const decoded = before && decodeTrustList(before.bytes);
  if (!decoded?.ok) {
    const nothing: ListSide = { header: after.header, records: [] };
    return formatDiff(diffLists(nothing, after), after);
  }
  return formatDiff(diffLists<ListSide['records'][number]>(decoded.value, after), after);
}

/**
 * Lists with more signers than two, in words. Two is the most that the open tools write; CUCM adds more through
 * phone-sast-trust (formats.md §3), and so does every renewal of a signer here, while it lasts.
 */
export function crowdedLists({ lists }: PlannedPublication): readonly string[] {
  return lists.flatMap(({ kind, node, plan }) => {
    const sasts = plan?.records.filter(({ role }) => role === 'SAST').length ?? 0;
    return sasts > sastsWithoutDoubt
      ? [
          `the ${kind.toUpperCase()} of ${node} names ${sasts} signers (SAST); only two are known to load on every model`,
        ]
      : [];
  });
}

const sastsWithoutDoubt = 2;

/** The list that a planned one replaces, where there is one. */
export function replacedList(
  { current }: PlannedPublication,
  { kind, node }: PlannedList,
): PublishedList | undefined {
  return find(current, kind, node);
}

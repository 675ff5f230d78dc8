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
import { readClusterView, trustInputOf, viewAfter, type ClusterView } from './cluster-view.ts';

export interface PublicationRequest {
  /** What changes in the cluster together with its lists; the plan is of the cluster after it. */
  readonly change?: TrustChange | undefined;
  /** The lists that are made anew (default both); the others of the generation are carried over as they are. */
  readonly kinds?: readonly TrustListKind[] | undefined;
  /** An ITL prepared for rollback, or no longer; undefined keeps it as it is. */
  readonly rollback?: boolean | undefined;
  /** Who signs instead of ITLRecovery; a certificate that is none of ours is listed as SAST while it signs. */
  readonly signer?: CertificateFacts | undefined;
}

export interface PlannedList {
  readonly kind: TrustListKind;
  /** Undefined for a list that is carried over. */
  readonly plan: TrustPlan | undefined;
  /** One line a change against the list in force; empty when no record and no signer changes. */
  readonly diff: readonly string[];
}

export interface PlannedPublication {
  readonly view: ClusterView;
  readonly node: string;
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

/** Failure `refused` with every invariant that the generation would break. */
export async function planPublication(
  ports: { readonly store: Store; readonly crypto: Crypto },
  request: PublicationRequest,
): Promise<PlannedPublication> {
  const { store, crypto } = ports;
  const { change = {}, kinds = ['itl', 'ctl'], signer } = request;
  const view = viewAfter(crypto, await readClusterView(store, crypto), change);
  const input = trustInputOf(view);
  const current = (await store.currentLists()).filter((list) => list.node === input.thisNode);
  const rollback = request.rollback ?? isRollbackList(crypto, current);
  const keys = keysOf(input);

  const lists = wantedKinds(input, current).map((kind): PlannedList => {
    const before = current.find((list) => list.kind === kind);
    if (before !== undefined && !kinds.includes(kind) && isSignedByUs(before, input))
      return { kind, plan: undefined, diff: [] };
    const plan = signedBy(planOf(kind, input, rollback), signer);
    return { kind, plan, diff: describeChange(before, plan) };
  });
  const views = lists.map((list) => viewOfPlanned(crypto, list, current));
  refuseBroken(views, { ...keys, itlPreparedForRollback: rollback });
  const currentKeep = !knownAsSast(crypto, current, signer ?? inUse(input, 'itlrecovery'));
  if (currentKeep) refuseLosing(crypto, current, keys);
  return { view, node: input.thisNode, current, change, lists, rollback, currentKeep };
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

function viewOfPlanned(
  crypto: Crypto,
  { kind, plan }: PlannedList,
  current: readonly PublishedList[],
): ListView {
  return plan ? viewOfPlan(plan) : viewOfPublished(crypto, current, kind);
}

function viewOfPublished(crypto: Crypto, current: readonly PublishedList[], kind: TrustListKind): ListView {
  const list = current.find((published) => published.kind === kind);
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

function knownAsSast(crypto: Crypto, current: readonly PublishedList[], signer: CertificateFacts): boolean {
  return current.every(({ kind }) =>
    viewOfPublished(crypto, current, kind).records.some(
      (record) => record.role === 'SAST' && record.fingerprint === signer.fingerprint,
    ),
  );
}

/** Phones that refuse the new lists live on with the current ones: then these must hold every invariant. */
function refuseLosing(crypto: Crypto, current: readonly PublishedList[], keys: SigningKeys): void {
  const [itl, ctl] = (['itl', 'ctl'] as const).map((kind) =>
    current.some((list) => list.kind === kind) ? viewOfPublished(crypto, current, kind) : undefined,
  );
  const broken = itl === undefined ? [] : checkInvariants(itl, ctl, keys);
  if (broken.length > 0)
    throw new Failure(
      'refused',
      `phones that hold the current lists would not take these and could not live with theirs: ${broken.join('; ')}`,
    );
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

/** The current list of that kind, where there is one. */
export function currentList({ current }: PlannedPublication, kind: TrustListKind): PublishedList | undefined {
  return current.find((list) => list.kind === kind);
}

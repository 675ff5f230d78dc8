/**
 * Phones that cannot follow, and which known ways lead each back (`plan --recover`). They are found by what they hold,
 * by how often they fetch a configuration without showing that they took one, by what they ask the TVS for, and by how
 * long they have been fetching with lists that were replaced. The ways: what is served; a TVS that their ITL names;
 * lists by ITLRecovery, by the CallManager key in use, by a retired signer whose key is kept, by an ITLRecovery restored
 * from elsewhere; a bulk import or an ITL for rollback in the cluster they come from; else hands.
 */
import { refusingConfigsMin } from '../base/limits.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { anyOfOurs, readPair, unknown, type PairKey } from '../core/trust/belief.ts';
import { anchorsFor, askList } from '../core/trust/belief-in-signer.ts';
import { behindSince } from '../core/trust/list-age.ts';
import { describeSide } from '../core/trust/list-library.ts';
import type { HeldList } from '../core/trust/phone-trust.ts';
import type { StrandReport } from '../core/trust/strand.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import type { UnknownSigner } from '../core/tvs/unknown-signers.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';
import { readField, type Field, type FieldDevice, type FieldPorts } from './field.ts';
import { keptSigners, type KeptSignerPorts } from './kept-signers.ts';
import { planPublication } from './plan-publication.ts';
import { planStrand } from './plan-strand.ts';

export type Way =
  /** It takes what is served now, when it boots. */
  | 'nothing to do'
  | 'TVS'
  | 'ITLRecovery'
  | 'CallManager key'
  | 'kept signer'
  | 'restored ITLRecovery'
  | 'bulk import'
  | 'rollback list'
  | 'hands';

/** A way, and which of the pairs that a phone may hold it frees: generations as people name them, `CTL/ITL`. */
export interface WayBack {
  readonly way: Way;
  readonly frees: readonly string[];
}

export interface StuckPhone {
  readonly name: string;
  readonly address: string | undefined;
  readonly heardMs: number | undefined;
  /** `asks-tvs`: for a signer that the TVS does not know, the best alarm there is. */
  readonly why: readonly ('refusing' | 'unknown' | 'behind' | 'asks-tvs')[];
  /** Configurations it fetched since it last showed that it took one. */
  readonly unansweredConfigs: number;
  /** Since when the newest lists it was given are replaced, where it is `behind`. */
  readonly behindSinceMs: number | undefined;
  /** What it asked a TVS for in vain, and how often. */
  readonly tvs: Pick<UnknownSigner, 'count' | 'lastMs' | 'signer'> | undefined;
  /** Generations as people name them, `CTL/ITL`. */
  readonly mayHold: readonly string[];
  /** The gentlest first. */
  readonly ways: readonly WayBack[];
  /** One of the pairs it may hold has no other way. */
  readonly needsHands: boolean;
}

export const commandsOf: Readonly<Record<Way, string>> = {
  'nothing to do': 'reset it: tftp-pki reset-phones NAME',
  TVS: 'its ITL names our TVS, which vouches for the signer: let it reach serve --tvs (2445), then reset it',
  ITLRecovery: 'tftp-pki update-itl and update-ctl, then reset it',
  'CallManager key':
    'tftp-pki reset-itl localkey and reset-ctl localkey, on the node whose lists it holds, then reset it',
  'kept signer': 'tftp-pki reset-itl keptkey --signer SHA256, with one of those below, then reset it',
  'restored ITLRecovery':
    'tftp-pki reset-itl remotekey --key P12 with the key of the cluster it comes from, then reset it',
  'bulk import':
    'import-bulk of this signer in the cluster it comes from and update-ctl there, before it moves',
  'rollback list':
    'update-itl --rollback in the cluster it comes from; frees it if it holds no CTL, and is undone soon after',
  hands: 'delete its trust lists at the phone',
};

const gentlestFirst = Object.keys(commandsOf) as readonly Way[];

export interface RecoveryPlan {
  readonly phones: readonly StuckPhone[];
  readonly total: number;
  /** Retired signers that free at least one of them: fingerprints. */
  readonly keptSigners: readonly string[];
}

export interface RecoveryRequest {
  /** So long after its lists were replaced a phone that still comes without newer ones is listed. */
  readonly behindMs: number;
  /** By device. */
  readonly unknownSigners: readonly UnknownSigner[];
}

export async function planRecovery(
  ports: FieldPorts & KeptSignerPorts,
  { behindMs, unknownSigners }: RecoveryRequest,
): Promise<RecoveryPlan> {
  const field = await readField(ports);
  const asked = new Map(unknownSigners.map((query) => [query.device, query]));
  const finder = await wayFinder(ports, field);
  const phones = field.devices.flatMap((device): readonly StuckPhone[] => {
    const tvs = asked.get(device.name);
    const since = behindSince(field.published, field.current, device.deliveries);
    // Heard after all that time, and without newer lists: that it was away says nothing of it.
    const isBehind = since !== undefined && device.heardMs - since > behindMs;
    const why = [
      ...(isRefusing(device) ? (['refusing'] as const) : []),
      ...(isUnknown(field, device) && device.provedMs === undefined ? (['unknown'] as const) : []),
      ...(isBehind ? (['behind'] as const) : []),
      ...(tvs === undefined ? [] : (['asks-tvs'] as const)),
    ];
    if (why.length === 0) return [];
    const found = field.sets.pairs(device.set).map((key) => ({ key, ways: finder.waysFor(key) }));
    return [
      {
        name: device.name,
        address: device.address === '' ? undefined : device.address,
        heardMs: device.heardMs === 0 ? undefined : device.heardMs,
        why,
        unansweredConfigs: device.unansweredConfigs,
        behindSinceMs: isBehind ? since : undefined,
        tvs: tvs && { count: tvs.count, lastMs: tvs.lastMs, signer: tvs.signer },
        mayHold: found.map(({ key }) => describe(field, key)),
        ways: gentlestFirst.flatMap((way) => {
          const frees = found.filter(({ ways }) => ways.includes(way));
          return frees.length === 0 ? [] : [{ way, frees: frees.map(({ key }) => describe(field, key)) }];
        }),
        needsHands: found.some(({ ways }) => ways.length === 1 && ways[0] === 'hands'),
      },
    ];
  });
  return { phones, total: field.devices.length, keptSigners: finder.keptThatFree() };
}

/** It showed before that it takes configurations, and fetches them again and again without showing it. */
export function isRefusing({ unansweredConfigs, provedMs }: FieldDevice): boolean {
  return provedMs !== undefined && unansweredConfigs >= refusingConfigsMin;
}

export function isUnknown(field: Field, { set, heardMs }: FieldDevice): boolean {
  return heardMs > 0 && field.sets.pairs(set).includes(unknown);
}

interface WayFinder {
  /** Every way that frees a phone with this pair; 'hands' where there is no other that is known to. */
  waysFor(key: PairKey): readonly Way[];
  keptThatFree(): readonly string[];
}

async function wayFinder(ports: FieldPorts & KeptSignerPorts, field: Field): Promise<WayFinder> {
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const signers: Signers = {
    recovery: [inUse(input, 'itlrecovery')],
    // Each node signs for phones that hold its own lists.
    callmanager: view.nodes.flatMap(({ name }) => ownOf(input, 'callmanager', name).slice(0, 1)),
    kept: await keptSigners(ports),
  };
  const nothingChanges = await planPublication(ports, { listsStay: true });
  const roads = new Map((await planStrand(ports, nothingChanges)).pairs.map((pair) => [pair.key, pair]));
  const known = new Map<PairKey, readonly Way[]>();
  const freeing = new Set<string>();
  const waysFor = (key: PairKey): readonly Way[] => {
    const before = known.get(key);
    if (before !== undefined) return before;
    // Any pair of ours: whatever frees one of them.
    const ways =
      key === anyOfOurs
        ? [...new Set(field.library.allPairs().flatMap(waysFor))]
        : waysOfPair(field, key, signers, roads.get(key), (kept) => freeing.add(kept));
    known.set(key, ways);
    return ways;
  };
  return { waysFor, keptThatFree: () => [...freeing] };
}

interface Signers {
  readonly recovery: readonly CertificateFacts[];
  readonly callmanager: readonly CertificateFacts[];
  readonly kept: readonly CertificateFacts[];
}

/** Nobody knows what it holds: what its own cluster can do, and what always helps. */
const fromElsewhere: readonly Way[] = ['restored ITLRecovery', 'bulk import', 'rollback list', 'hands'];

function waysOfPair(
  field: Field,
  key: PairKey,
  { recovery, callmanager, kept }: Signers,
  road: StrandReport['pairs'][number] | undefined,
  onKept: (fingerprint: string) => void,
): readonly Way[] {
  const held = field.library.held(key);
  if (held === undefined) return fromElsewhere;
  const pair = readPair(key);
  const holdsCurrent = field.current.every(({ kind }) =>
    field.current.some((list) => list.kind === kind && list.sha256 === pair?.[kind]),
  );
  if (holdsCurrent || (held.ctl === undefined && held.itl === undefined)) return ['nothing to do'];
  // With a CTL only the CTL leads on (core/trust/judge-list.ts).
  const decides = held.ctl ?? held.itl;
  const known = ({ subject: name, issuer, serial }: CertificateFacts): boolean =>
    askList(decides, { name, issuer, serial }, 'list')?.kind === 'believed';
  const serving = new Set(field.current.map(({ signer }) => signer));
  const all = [...recovery, ...callmanager];
  if (all.some((signer) => serving.has(signer.fingerprint) && known(signer))) return ['nothing to do'];
  const keptKnown = kept.filter(known);
  for (const { fingerprint } of keptKnown) onKept(fingerprint);
  const keptFrees = keptKnown.length > 0;
  const roads = road?.before ?? [];
  // Whether a phone with a CTL asks a TVS at all, sources do not say: it is tried, and not relied upon.
  const byTvs = roads.some(({ path }) => path === 'TVS');
  const isSure = recovery.some(known) || callmanager.some(known) || keptFrees;
  return [
    ...(byTvs ? (['TVS'] as const) : []),
    ...(recovery.some(known) ? (['ITLRecovery'] as const) : []),
    ...(callmanager.some(known) ? (['CallManager key'] as const) : []),
    ...(keptFrees ? (['kept signer'] as const) : []),
    ...(isSure || (byTvs && roads.every(({ path }) => path !== 'none')) ? [] : atLast(decides)),
  ];
}

/** Somebody else may have the key of a signer that it knows. */
function atLast(decides: HeldList | undefined): readonly Way[] {
  return anchorsFor('list', decides).length > 0 ? ['restored ITLRecovery', 'hands'] : ['hands'];
}

function describe(field: Field, key: PairKey): string {
  const [ctl, itl] = [describeSide(field.library, key, 'ctl'), describeSide(field.library, key, 'itl')];
  return ctl === itl && readPair(key) === undefined ? ctl : `${ctl}/${itl}`;
}

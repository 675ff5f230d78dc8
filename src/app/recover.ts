/**
 * Phones that cannot follow, and which known way leads each back (`plan --recover`). They are found by what they hold,
 * by how often they fetch a configuration without showing that they took one, by whom they ask the TVS about, and by how
 * long they have not fetched the lists in force. The ways: lists signed by ITLRecovery, by the CallManager key in use, by a restored ITLRecovery; a
 * signer that is still kept; an ITL prepared for rollback; else hands.
 */
import { refusingConfigsMin } from '../base/limits.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { anyOfOurs, readPair, unknown, type PairKey } from '../core/trust/belief.ts';
import { anchorsFor, askList } from '../core/trust/belief-in-signer.ts';
import { givenWhole } from '../core/trust/given-lists.ts';
import { describeSide } from '../core/trust/list-library.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';
import { readField, type Field, type FieldDevice, type FieldPorts } from './field.ts';

export type Way =
  /** It takes what is served now, when it boots. */
  'nothing to do' | 'ITLRecovery' | 'CallManager key' | 'restored ITLRecovery' | 'hands';

export interface StuckPhone {
  readonly name: string;
  readonly address: string | undefined;
  readonly heardMs: number | undefined;
  /** `asks-tvs`: for a signer that the TVS does not know, the best alarm there is. */
  readonly why: readonly ('refusing' | 'unknown' | 'behind' | 'asks-tvs')[];
  /** Generations as people name them, `CTL/ITL`. */
  readonly mayHold: readonly string[];
  /** One for each pair it may hold, without repeats. */
  readonly ways: readonly Way[];
}

export const commandsOf: Readonly<Record<Way, string>> = {
  'nothing to do': 'reset it: tftp-pki reset-phones NAME',
  ITLRecovery: 'tftp-pki update-itl and update-ctl, then reset it',
  'CallManager key': 'tftp-pki reset-itl localkey and reset-ctl localkey, then reset it',
  'restored ITLRecovery':
    'tftp-pki reset-itl remotekey --key P12 with the key of the cluster it comes from, or import-bulk there of this signer; an ITL for rollback there (update-itl --rollback) frees it if it holds no CTL',
  hands: 'delete its trust lists at the phone',
};

export interface RecoveryPlan {
  readonly phones: readonly StuckPhone[];
  readonly total: number;
}

/** `behindMs`: a phone that was heard since and has not fetched lists that are older than this is listed. */
export async function planRecovery(
  ports: FieldPorts,
  { behindMs, asksTvs }: { readonly behindMs: number; readonly asksTvs: ReadonlySet<string> },
): Promise<RecoveryPlan> {
  const field = await readField(ports);
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const signers = {
    recovery: inUse(input, 'itlrecovery'),
    callmanager: inUse(input, 'callmanager', input.thisNode),
  };
  const nowMs = ports.clock.nowMs();
  const phones = field.devices.flatMap((device): readonly StuckPhone[] => {
    const why = [
      ...reasonsOf(field, device, nowMs, behindMs),
      ...(asksTvs.has(device.name) ? (['asks-tvs'] as const) : []),
    ];
    if (why.length === 0) return [];
    const pairs = field.sets.pairs(device.set);
    return [
      {
        name: device.name,
        address: device.address === '' ? undefined : device.address,
        heardMs: device.heardMs === 0 ? undefined : device.heardMs,
        why,
        mayHold: pairs.map((key) => describe(field, key)),
        ways: [...new Set(pairs.map((key) => wayFor(field, key, signers)))],
      },
    ];
  });
  return { phones, total: field.devices.length };
}

/** It showed before that it takes configurations, and fetches them again and again without showing it. */
export function isRefusing({ unansweredConfigs, provedMs }: FieldDevice): boolean {
  return provedMs !== undefined && unansweredConfigs >= refusingConfigsMin;
}

export function isUnknown(field: Field, { set, heardMs }: FieldDevice): boolean {
  return heardMs > 0 && field.sets.pairs(set).includes(unknown);
}

function isBehind(
  field: Field,
  { deliveries, heardMs }: FieldDevice,
  nowMs: number,
  behindMs: number,
): boolean {
  const due = field.current.filter(
    ({ publishedMs }) => nowMs - publishedMs > behindMs && heardMs > publishedMs,
  );
  return due.length > 0 && givenWhole(due, deliveries).length === 0;
}

function reasonsOf(field: Field, device: FieldDevice, nowMs: number, behindMs: number): StuckPhone['why'] {
  return [
    ...(isRefusing(device) ? (['refusing'] as const) : []),
    ...(isUnknown(field, device) && device.provedMs === undefined ? (['unknown'] as const) : []),
    ...(isBehind(field, device, nowMs, behindMs) ? (['behind'] as const) : []),
  ];
}

interface Signers {
  readonly recovery: CertificateFacts;
  readonly callmanager: CertificateFacts;
}

function wayFor(field: Field, key: PairKey, { recovery, callmanager }: Signers): Way {
  const held = field.library.held(key);
  if (held === undefined) return key === anyOfOurs ? 'CallManager key' : 'restored ITLRecovery';
  const pair = readPair(key);
  const holdsCurrent = field.current.every(({ kind, sha256 }) => pair?.[kind] === sha256);
  if (holdsCurrent || (held.ctl === undefined && held.itl === undefined)) return 'nothing to do';
  // With a CTL only the CTL leads on (core/trust/judge-list.ts).
  const decides = held.ctl ?? held.itl;
  const knows = ({ subject: name, issuer, serial }: CertificateFacts): boolean =>
    askList(decides, { name, issuer, serial }, 'list')?.kind === 'believed';
  const signedBy = field.current[0]?.signer;
  const serves = [recovery, callmanager].find(({ fingerprint }) => fingerprint === signedBy);
  if (serves !== undefined && knows(serves)) return 'nothing to do';
  if (knows(recovery)) return 'ITLRecovery';
  if (knows(callmanager)) return 'CallManager key';
  return anchorsFor('list', decides).length > 0 ? 'restored ITLRecovery' : 'hands';
}

function describe(field: Field, key: PairKey): string {
  const [ctl, itl] = [describeSide(field.library, key, 'ctl'), describeSide(field.library, key, 'itl')];
  return ctl === itl && readPair(key) === undefined ? ctl : `${ctl}/${itl}`;
}

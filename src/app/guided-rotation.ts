/**
 * A guided renewal of the key that signs files (design.md §5, "publish both, keep signing with the old, switch last"):
 *   published  both certificates stand in the lists, the old one signs; phones come and take the lists
 *   switched   both stand in the lists, the new one signs; phones come, and show that they believe it
               where they can be told apart; what only claims so is counted apart
 *   over       the old one leaves the lists and is retired
 * What step it is at is in the database, each step is one publication: whoever is killed finds it where it was. Nobody
 * waits for phones that are offline, nor beyond the day that was set: the planner has a path for all of them.
 * Abort, from either step: the old one signs and the new one leaves the lists, which every phone believes.
 */
import { offlineAfterMs } from '../base/limits.ts';
import { Failure } from '../base/errors.ts';
import type { CertificatePurpose, Rotation } from '../core/cluster/model.ts';
import type { Issuer, KeyFiles } from '../core/ports.ts';
import { aftermathOfKey, aftermathOfLists } from '../core/trust/aftermath.ts';
import { readClusterView, thisNodeOf, type ClusterView } from './cluster-view.ts';
import { readField, type Field, type FieldPorts } from './field.ts';
import { nodeOfRotation, ownRows } from './own-certificates.ts';
import { comingOf, signsSince } from './phones-to-come.ts';
import { beginRenewal } from './renew-certificate.ts';
import type { TrustOperation } from './trust-operation.ts';

export interface GuidedPorts extends FieldPorts {
  readonly issuer: Issuer;
  readonly keyFiles: Pick<KeyFiles, 'find'>;
}

export interface GuidedRequest {
  readonly by: string;
  /** How long each step waits for phones that are not offline; said later, it shortens the wait of the step at work. */
  readonly patienceMs: number | undefined;
}

const patienceDefaultMs = 14 * 86_400_000;

/** What phones have still to do before the next step, and until when it is waited for. */
export interface RotationProgress {
  readonly purpose: CertificatePurpose;
  readonly step: Rotation['step'];
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly toCome: readonly string[];
  readonly offline: readonly string[];
  readonly come: number;
  /** Of those that have come: by what anybody could have sent. */
  readonly claimed: number;
}

export type GuidedStep =
  | { readonly kind: 'do'; readonly operation: TrustOperation; readonly last: boolean }
  | { readonly kind: 'wait'; readonly progress: RotationProgress };

const purpose: CertificatePurpose = 'callmanager';
const command = `renew-cert ${purpose}`;
/** As the audit names it. */
export const compromisedOperation = `${command} --compromised`;

/** The next step, whoever took the last one. */
export async function nextGuidedStep(ports: GuidedPorts, request: GuidedRequest): Promise<GuidedStep> {
  const view = await readClusterView(ports.store, ports.crypto);
  const rotation = view.rotations.find((each) => each.purpose === purpose);
  if (rotation === undefined)
    return { kind: 'do', operation: await publishBoth(ports, view, request), last: false };
  refuseElsewhere(view, rotation);
  const progress = progressOf(await readField(ports), rotation, ports.clock.nowMs());
  const untilMs = Math.min(rotation.untilMs, rotation.stepMs + (request.patienceMs ?? Infinity));
  if (progress.toCome.length > 0 && ports.clock.nowMs() < untilMs) return { kind: 'wait', progress };
  return rotation.step === 'published'
    ? { kind: 'do', operation: switchOver(ports, view, rotation, request), last: false }
    : { kind: 'do', operation: retireOld(view, rotation), last: true };
}

/** Of several nodes one renews its key at a time, where that key lies. */
function refuseElsewhere(view: ClusterView, rotation: Rotation): void {
  const node = nodeOfRotation(view, rotation);
  if (node === undefined || node === thisNodeOf(view).name) return;
  throw new Failure('refused', `a guided renewal of ${purpose} is under way on the node ${node}`, {
    hint: `tftp-pki ${command} --guided, there.`,
  });
}

/** Of every guided renewal under way; for `status`. */
export async function rotationProgress(ports: FieldPorts): Promise<readonly RotationProgress[]> {
  const rotations = await ports.store.listRotations();
  if (rotations.length === 0) return [];
  const field = await readField(ports);
  return rotations.map((rotation) => progressOf(field, rotation, ports.clock.nowMs()));
}

export async function abortGuided(ports: GuidedPorts): Promise<TrustOperation> {
  const view = await readClusterView(ports.store, ports.crypto);
  const rotation = view.rotations.find((each) => each.purpose === purpose);
  if (rotation !== undefined) refuseElsewhere(view, rotation);
  const fresh = ownRows(view, purpose).find(({ fingerprint }) => fingerprint === rotation?.fresh);
  if (fresh === undefined)
    throw new Failure('refused', `no guided renewal of ${purpose} is under way`, {
      hint: `tftp-pki ${command} --guided begins one.`,
    });
  return {
    operation: `${command} --guided --abort`,
    request: { change: { retireCertificates: [fresh.id], rotation: { purpose, to: undefined } } },
    warnings: [],
    question: 'Sign with the old key again and take the new one out of the lists?',
    aftermath: aftermathOfLists,
  };
}

/** Somebody else has the key: it signs nothing from now on, whatever phones have taken. */
export async function cutOff(ports: GuidedPorts, by: string): Promise<TrustOperation> {
  const view = await readClusterView(ports.store, ports.crypto);
  const rows = ownRows(view, purpose);
  const fresh = rows.find(({ fingerprint }) =>
    view.rotations.some((rotation) => rotation.fresh === fingerprint),
  );
  const old = rows.filter((row) => row !== fresh);
  const begun =
    fresh === undefined && rows.length === 1
      ? await beginRenewal(ports, view, { purpose, by, urgent: true })
      : undefined;
  if (fresh === undefined && begun === undefined)
    throw new Failure('refused', `a renewal of ${purpose} without --guided is under way`, {
      hint: `tftp-pki ${command} --switch ends it and the old key with it.`,
    });
  return {
    operation: compromisedOperation,
    request: {
      change: {
        ...begun?.request.change,
        retireCertificates: old.map(({ id }) => id),
        // Another node's goes on.
        ...(fresh && { rotation: { purpose, to: undefined } }),
      },
    },
    ...(begun?.newKeys && { newKeys: begun.newKeys }),
    warnings: [
      'phones believe the old key until they have taken the new lists: have all of them reset now',
      'whoever has the old key can sign lists, too, for phones that hold the old ones',
    ],
    question: 'Cut the old key off now, whatever it costs?',
    aftermath: aftermathOfKey(purpose),
    atAnyCost: true,
  };
}

async function publishBoth(
  ports: GuidedPorts,
  view: ClusterView,
  { by, patienceMs = patienceDefaultMs }: GuidedRequest,
): Promise<TrustOperation> {
  const begun = await beginRenewal(ports, view, { purpose, by });
  const [added] = begun.request.change?.addCertificates ?? [];
  const nowMs = ports.clock.nowMs();
  const to = {
    fresh: added?.fingerprint ?? '',
    step: 'published',
    stepMs: nowMs,
    untilMs: nowMs + patienceMs,
  } as const;
  return {
    ...begun,
    operation: `${command} --guided`,
    request: { change: { ...begun.request.change, rotation: { purpose, to } } },
    next: `tftp-pki ${command} --guided, again: it signs with the new key when the phones have taken these lists`,
    follows: {
      command: `tftp-pki ${command} --guided`,
      request: { kinds: [], change: { rotation: { purpose, to: { ...to, step: 'switched' } } } },
    },
  };
}

/** The lists stay as they are: both certificates stand in them. */
function switchOver(
  { clock }: GuidedPorts,
  view: ClusterView,
  rotation: Rotation,
  { patienceMs = patienceDefaultMs }: GuidedRequest,
): TrustOperation {
  const stepMs = clock.nowMs();
  const { fresh } = rotation;
  const to = { fresh, step: 'switched', stepMs, untilMs: stepMs + patienceMs } as const;
  return {
    operation: `${command} --guided`,
    request: { kinds: [], change: { rotation: { purpose, to } } },
    warnings: [],
    question: 'Sign with the new key from now on?',
    aftermath: aftermathOfKey(purpose),
    next: `tftp-pki ${command} --guided, again: the old certificate leaves the lists when the phones have come`,
    follows: { command: `tftp-pki ${command} --guided`, request: retireOld(view, rotation).request },
  };
}

function retireOld(view: ClusterView, { fresh }: Rotation): TrustOperation {
  const old = ownRows(view, purpose).filter(({ fingerprint }) => fingerprint !== fresh);
  return {
    operation: `${command} --guided`,
    request: {
      change: { retireCertificates: old.map(({ id }) => id), rotation: { purpose, to: undefined } },
    },
    warnings: [],
    question: 'Take the old certificate out of the lists?',
    aftermath: aftermathOfLists,
  };
}

/** Progress only: what is safe is the planner's to say. */
function progressOf(field: Field, rotation: Rotation, nowMs: number): RotationProgress {
  const { step, stepMs, untilMs, purpose: of } = rotation;
  const toCome: string[] = [];
  const offline: string[] = [];
  let come = 0;
  let claimed = 0;
  for (const device of field.devices) {
    const coming = comingOf(field, device, signsSince(rotation));
    if (coming === 'claimed') claimed++;
    if (coming !== 'to come') come++;
    else if (device.heardMs < nowMs - offlineAfterMs) offline.push(device.name);
    else toCome.push(device.name);
  }
  return { purpose: of, step, sinceMs: stepMs, untilMs, toCome, offline, come, claimed };
}

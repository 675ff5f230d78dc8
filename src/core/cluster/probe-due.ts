/**
 * When a server of a remote cluster is asked again what its lists and its TVS say of our signer. Evidence runs out, so
 * it is asked from time to time; sooner where the last word was no, because an import and a new CTL over there happen
 * without a word to us; and at once after what happened here: an import (a bulk import schedules a probe and is never
 * evidence, design.md §4), a publication, another key that signs our files.
 */
import { remoteProbeEveryMs, remoteProbeUncoveredEveryMs } from '../../base/limits.ts';
import type { StoredCertificate } from './model.ts';
import { coverOf } from './evidence.ts';
import { serverKey, type ProbedServer } from './remote-store.ts';
import type { RemoteCluster } from './remote.ts';

export interface ProbeMoment {
  /** Fingerprints of the certificates that sign our files now, each node's: one node asks for all. */
  readonly signers: readonly string[];
  /** When something happened here that a probe should follow (`trustChangedMs`). */
  readonly changedMs: number;
  readonly nowMs: number;
}

/** Some server of the cluster should be asked now; never of one that is not pinned, for it gives no evidence. */
export function isProbeDue(
  remote: RemoteCluster,
  probes: readonly ProbedServer[],
  { signers, changedMs, nowMs }: ProbeMoment,
): boolean {
  if (remote.pin === undefined) return false;
  return remote.servers.some(({ tftp }) => {
    const server = serverKey(tftp);
    const probe = probes.find((each) => each.cluster === remote.id && each.server === server);
    if (probe === undefined) return true;
    const { probedMs, evidence, frozen } = probe;
    // A change of a future that a clock was in asks for nothing.
    if (changedMs > probedMs && changedMs <= nowMs) return true;
    const ageMs = nowMs - probedMs;
    if (frozen !== undefined) return ageMs >= remoteProbeEveryMs;
    const isKnown = (signer: string): boolean => evidence.some((each) => each.signer === signer);
    if (evidence.length > 0 && !signers.every(isKnown)) return true;
    const question = { servers: [server], pinned: true, beliefs: 'unknown', nowMs } as const;
    const areCovered = signers.every((signer) => coverOf(evidence, { ...question, signer }).covered);
    return ageMs >= (areCovered ? remoteProbeEveryMs : remoteProbeUncoveredEveryMs);
  });
}

/** The newest import, retirement or publication; 0 before any. */
export function trustChangedMs(
  rows: readonly Pick<StoredCertificate, 'landed' | 'addedMs' | 'retiredMs'>[],
  lists: readonly { readonly publishedMs: number }[],
): number {
  const imported = rows.flatMap(({ landed, addedMs, retiredMs = 0 }) =>
    landed === undefined ? [] : [addedMs, retiredMs],
  );
  return Math.max(0, ...imported, ...lists.map(({ publishedMs }) => publishedMs));
}

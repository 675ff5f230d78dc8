/** What a probe of a remote cluster says to a person: in one sentence, what its phones will do with our files. */
import { coverOf } from '../core/cluster/evidence.ts';
import { serverKey } from '../core/cluster/remote-store.ts';
import { verifyOf, type RemoteCluster } from '../core/cluster/remote.ts';
import type { SignedList } from '../core/cluster/probe.ts';
import type { ServerProbe } from '../core/cluster/server-probe.ts';

/** The signer that a person should compare with its owner's word: of the ITL, else of the CTL. */
export function signerToPin(probes: readonly ServerProbe[]): NonNullable<SignedList['signer']> | undefined {
  const signers = probes.flatMap((probe) => probe.signers);
  const found =
    signers.find(({ kind, signer }) => kind === 'itl' && signer) ?? signers.find(({ signer }) => signer);
  return found?.signer;
}

/** Every server said so itself: its phones hold none either. */
export function publishesNoLists(probes: readonly ServerProbe[]): boolean {
  return probes.every(({ unreadable, signers }) => unreadable === undefined && signers.length === 0);
}

export function sentenceOf(
  remote: RemoteCluster,
  probes: readonly ServerProbe[],
  signer: string,
  nowMs: number,
): string {
  const { id } = remote;
  const frozen = probes.find((probe) => probe.frozen !== undefined);
  if (frozen !== undefined)
    return `${id} at ${frozen.server} is frozen, so what its phones believe is not known: ${frozen.frozen}.`;
  const unreadable = probes.find((probe) => probe.unreadable !== undefined);
  if (unreadable !== undefined)
    return `What phones of ${id} will do with our files cannot be said: ${unreadable.server}: ${unreadable.unreadable}.`;
  const { covered, because } = coverOf(
    probes.flatMap(({ evidence }) => evidence ?? []),
    {
      servers: remote.servers.map(({ tftp }) => serverKey(tftp)),
      signer,
      pinned: remote.pin !== undefined,
      beliefs: 'unknown',
      nowMs,
    },
  );
  const theirs = verifyOf(remote) === 'enforce' ? 'checked and passed on' : 'passed on';
  return covered
    ? `Phones of ${id} will accept files that we sign, because ${because}.`
    : `Phones of ${id} will refuse files that we sign, because ${because}; they are given their own cluster's, ${theirs}.`;
}

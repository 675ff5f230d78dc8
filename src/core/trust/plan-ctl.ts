/**
 * What a CTL holds (domain.md §2): SAST CallManager, CCM+TFTP of every node, CAPF, SAST ITLRecovery, and the foreign
 * signers of phone-sast-trust as SAST and those of phone-tftp-trust as TFTP: a proxy's files, never a list.
 *
 * Who signs. A phone that holds both lists takes the next CTL only from a SAST (design.md §5: signer(CTL) is a SAST in
 * the ITL). A node's CallManager is a SAST in its own node's ITL alone; ITLRecovery is one in every ITL and in the CTL.
 * So ITLRecovery signs the CTL too, and a phone that falls over to another node accepts that node's. This node's
 * CallManager stands as the second SAST in both of this node's lists: it can sign next.
 *
 * Nonsecure mode keeps the CTL, since a phone never gives one up by itself: its servers stand without certificates, and
 * files are then the ITL's and the TVS's affair, a proxy's too.
 */
import { hostOf } from '../cluster/model.ts';
import {
  inUse,
  ownOf,
  plannedNodes,
  recordsOn,
  withoutRepeats,
  type TrustInput,
  type TrustPlan,
} from './trust-plan.ts';

/** The CTL of `input.thisNode`. Failure `refused` when ITLRecovery or a node's CallManager is missing. */
export function planCtl(input: TrustInput): TrustPlan {
  const [here, ...others] = plannedNodes(input);
  const signer = inUse(input, 'itlrecovery');

  const servers = [here, ...others].flatMap((node) =>
    input.mode === 'mixed'
      ? recordsOn(node, 'CCM+TFTP', ownOf(input, 'callmanager', node.name))
      : [
          {
            role: 'CCM+TFTP' as const,
            certificate: undefined,
            dnsName: hostOf(node),
            ipAddress: node.ipAddress,
          },
        ],
  );
  return {
    kind: 'ctl',
    signer,
    records: withoutRepeats([
      ...recordsOn(here, 'SAST', ownOf(input, 'callmanager', here.name)),
      ...servers,
      ...recordsOn(here, 'CAPF', ownOf(input, 'capf')),
      ...recordsOn(here, 'SAST', ownOf(input, 'itlrecovery')),
      ...recordsOn(undefined, 'SAST', input.foreignSasts),
      ...(input.mode === 'mixed' ? recordsOn(undefined, 'TFTP', input.foreignFileSigners) : []),
    ]),
  };
}

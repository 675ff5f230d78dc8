/**
 * What an ITL holds (domain.md §2): ITLRecovery as SAST, this node's CallManager as TFTP and as SAST, the other nodes'
 * as TFTP only, every TVS, CAPF; and the EC certificates of 6971 as TFTP, where there are any (formats.md §6).
 * Signed by ITLRecovery, which is a SAST of every node's ITL and of the CTL and outlives every other certificate.
 *
 * For a rollback its TVS and TFTP parts are empty: a phone that holds it and no CTL then takes unsigned files and any
 * ITL. The SASTs stay, so that phones take this list and the one that undoes it.
 */
import { signsFiles } from '../../wire/role.ts';
import {
  inUse,
  ownOf,
  plannedNodes,
  recordsOn,
  withoutRepeats,
  type PlannedNode,
  type TrustInput,
  type TrustPlan,
} from './trust-plan.ts';

/** The ITL of `input.thisNode`. Failure `refused` when ITLRecovery or a node's CallManager is missing. */
export function planItl(input: TrustInput): TrustPlan {
  const [here, ...others] = plannedNodes(input);
  const signer = inUse(input, 'itlrecovery');

  const ofNode =
    (role: 'TFTP' | 'SAST' | 'TVS', purpose: 'callmanager' | 'tftp-ec' | 'tvs') => (node: PlannedNode) =>
      recordsOn(node, role, ownOf(input, purpose, node.name));
  return {
    kind: 'itl',
    signer,
    records: withoutRepeats([
      ...recordsOn(here, 'SAST', ownOf(input, 'itlrecovery')),
      ...ofNode('TFTP', 'callmanager')(here),
      ...ofNode('SAST', 'callmanager')(here),
      ...others.flatMap(ofNode('TFTP', 'callmanager')),
      ...[here, ...others].flatMap(ofNode('TFTP', 'tftp-ec')),
      ...[here, ...others].flatMap(ofNode('TVS', 'tvs')),
      ...recordsOn(here, 'CAPF', ownOf(input, 'capf')),
    ]),
  };
}

/** The same ITL prepared for rollback. */
export function withoutFileSigners(plan: TrustPlan): TrustPlan {
  return {
    ...plan,
    records: plan.records.filter(({ role }) => !signsFiles(role) && role !== 'TVS'),
  };
}

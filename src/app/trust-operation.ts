/**
 * One change of trust as a value: what to plan, which keys come with it, what to ask and to say. A command makes one,
 * shows its plan, asks, and publishes it; `--dry-run` stops after the plan. None is published that takes the path to a
 * believed configuration from a phone, unless somebody names how many phones that is (design.md §5).
 */
import { Failure } from '../base/errors.ts';
import { namesOf } from '../base/text.ts';
import type { Signer } from '../core/ports.ts';
import type { Aftermath } from '../core/trust/aftermath.ts';
import { readClusterView } from './cluster-view.ts';
import { refuseForeignRecovery } from './own-certificates.ts';
import { planPublication, type PlannedPublication, type PublicationRequest } from './plan-publication.ts';
import { planSteps, type FollowUp, type PlannedStep } from './plan-steps.ts';
import { planStrand, type PlannedStrand } from './plan-strand.ts';
import { publishLists, type PublishPorts, type PublishRequest } from './publish-lists.ts';
import type { FieldPorts } from './field.ts';

export interface TrustOperation {
  /** For the audit: the command as it was meant. */
  readonly operation: string;
  readonly request: PublicationRequest;
  readonly newKeys?: PublishRequest['newKeys'];
  readonly signer?: Signer;
  /** What somebody should know before it is done. */
  readonly warnings: readonly string[];
  readonly question: string;
  readonly aftermath: Aftermath;
  /** What helps phones that it would strand, where it is not that they take the lists in force. */
  readonly firstSteps?: readonly PlannedStep[];
  /** The next command, where there is one. */
  readonly next?: string;
  /** What it publishes, where it does: when it may follow is planned, too. */
  readonly follows?: FollowUp;
  /** Commands of a longer way, each planned when it is given. */
  readonly laterSteps?: readonly PlannedStep[];
  /** A key that somebody else has is cut off at any cost; the cost is said. */
  readonly atAnyCost?: boolean;
}

export interface PlannedOperation {
  readonly publication: PlannedPublication;
  readonly strand: PlannedStrand;
  /** The order that strands nobody: each command, and when it may follow. */
  readonly steps: readonly PlannedStep[];
}

/** The same, its lists signed by an ITLRecovery key that lies elsewhere and came for this one operation. */
export async function signedByLent(
  { store, crypto }: Pick<FieldPorts, 'store' | 'crypto'>,
  operation: TrustOperation,
  signer: Signer,
): Promise<TrustOperation> {
  refuseForeignRecovery(await readClusterView(store, crypto), signer.certificate);
  return { ...operation, signer };
}

/** Failure `refused` when it breaks an invariant. Touches no key and writes nothing. */
export async function planOperation(ports: FieldPorts, operation: TrustOperation): Promise<PlannedOperation> {
  const publication = await planPublication(ports, operation.request);
  const strand = await planStrand(ports, publication);
  const { aftermath, follows } = operation;
  const stepped = { ...operation, resets: aftermath.reset !== 'no phone', follows };
  return { publication, strand, steps: await planSteps(ports.crypto, stepped, strand) };
}

/** Failure `refused` unless nobody is stranded, or exactly as many phones as somebody said. */
export function refuseStranding(
  { operation, atAnyCost = false }: TrustOperation,
  { strand: { stranded } }: PlannedOperation,
  allowed: number | undefined,
): void {
  if (atAnyCost || stranded.length === (allowed ?? 0)) return;
  const phones = stranded.length === 1 ? '1 phone' : `${stranded.length} phones`;
  if (stranded.length === 0)
    throw new Failure('refused', `--strand ${allowed} is not what would happen: no phone is stranded`, {
      hint: `tftp-pki ${operation}, without --strand`,
    });
  throw new Failure(
    'refused',
    `${phones} would have no path to a configuration they believe: ${namesOf(stranded)}`,
    {
      hint: `tftp-pki plan ${operation} says why and what goes first; --strand ${stranded.length} does it all the same`,
    },
  );
}

/** Gives the new generation. */
export function publishOperation(
  ports: PublishPorts,
  { operation, newKeys, signer }: TrustOperation,
  { publication: planned }: PlannedOperation,
  who: string,
): Promise<number> {
  return publishLists(ports, { planned, who, operation, newKeys, signer });
}

/**
 * One change of trust as a value: what to plan, which keys come with it, what to ask and to say. A command makes one,
 * shows its plan, asks, and publishes it; `--dry-run` stops after the plan.
 */
import type { Signer } from '../core/ports.ts';
import type { Aftermath } from '../core/trust/aftermath.ts';
import { planPublication, type PlannedPublication, type PublicationRequest } from './plan-publication.ts';
import { publishLists, type PublishPorts, type PublishRequest } from './publish-lists.ts';

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
  /** The next command, where there is one. */
  readonly next?: string;
}

/** Failure `refused` when it could strand phones. Touches no key and writes nothing. */
export function planOperation(
  ports: Pick<PublishPorts, 'store' | 'crypto'>,
  { request }: TrustOperation,
): Promise<PlannedPublication> {
  return planPublication(ports, request);
}

/** Gives the new generation. */
export function publishOperation(
  ports: PublishPorts,
  { operation, newKeys, signer }: TrustOperation,
  planned: PlannedPublication,
  who: string,
): Promise<number> {
  return publishLists(ports, { planned, who, operation, newKeys, signer });
}

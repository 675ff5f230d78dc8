/**
 * A cluster that comes back from a backup (design.md §5): phones may hold lists and files that the backup never wrote,
 * so timestamps and generations go on above all that was given out, and new lists are published, planned and judged
 * against those that phones hold where they are known. Refused by the planner: nothing was published.
 */
import { restoreAheadSeconds, restoreGenerationGap } from '../base/limits.ts';
import type { FieldState } from '../core/ports.ts';
import { planPublication, type PlannedPublication } from './plan-publication.ts';
import { publishLists, type PublishPorts } from './publish-lists.ts';

export interface ContinueRequest {
  /** Of the folder that is replaced; undefined when it is lost. */
  readonly field: FieldState | undefined;
  /** When the backup was made. */
  readonly createdMs: number;
  readonly by: string;
}

/** After it the database is ready to publish; what it would publish. */
export async function planContinuation(
  { store, crypto, clock }: PublishPorts,
  { field, createdMs, by }: ContinueRequest,
): Promise<PlannedPublication> {
  const nowMs = clock.nowMs();
  const nowSeconds = Math.floor(nowMs / 1000);
  const own = await store.fieldState();
  await store.recordAudit({
    atMs: nowMs,
    who: by,
    operation: 'restore',
    detail: { backupOf: new Date(createdMs).toISOString(), fieldKnown: field !== undefined },
  });
  await store.continueAbove(
    field === undefined
      ? {
          generation: own.generation + restoreGenerationGap,
          timestampSeconds: nowSeconds + restoreAheadSeconds,
          lists: [],
        }
      : { ...field, timestampSeconds: Math.max(field.timestampSeconds, nowSeconds) },
  );
  return planPublication({ store, crypto }, {});
}

export function publishContinuation(
  ports: PublishPorts,
  planned: PlannedPublication,
  by: string,
): Promise<number> {
  return publishLists(ports, { planned, who: by, operation: 'restore' });
}

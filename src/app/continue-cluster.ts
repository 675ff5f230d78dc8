/**
 * A cluster that comes back from a backup (design.md §5): phones may hold lists and files that the backup never wrote,
 * so timestamps and generations go on above all that was given out, and new lists are published, planned and judged
 * against those that phones hold where they are known. Refused by the planner: nothing was published.
 */
import { Failure } from '../base/errors.ts';
import { restoreAheadSeconds, restoreGenerationGap } from '../base/limits.ts';
import { namesOf } from '../base/text.ts';
import type { FieldPorts } from './field.ts';
import { planPublication, type PlannedPublication } from './plan-publication.ts';
import { planStrand, type PlannedStrand } from './plan-strand.ts';
import { publishLists, type PublishPorts } from './publish-lists.ts';
import type { PlannedStep } from './plan-steps.ts';

export interface ContinueRequest {
  /** The folder that is replaced, and serves phones up to now; undefined when it is lost. */
  readonly old: Pick<FieldPorts, 'store' | 'crypto'> | undefined;
  /** When the backup was made. */
  readonly createdMs: number;
  readonly by: string;
}

export interface PlannedContinuation {
  readonly publication: PlannedPublication;
  /** By what the old folder's server heard of its phones. */
  readonly strand: PlannedStrand;
  /** Devices of the old folder that the backup does not know. */
  readonly forgotten: readonly string[];
  readonly steps: readonly PlannedStep[];
}

/** After it the database is ready to publish; what it would publish. */
export async function planContinuation(
  ports: PublishPorts & FieldPorts,
  { old, createdMs, by }: ContinueRequest,
): Promise<PlannedContinuation> {
  const { store, crypto, clock } = ports;
  const nowMs = clock.nowMs();
  const nowSeconds = Math.floor(nowMs / 1000);
  const own = await store.fieldState();
  const field = await old?.store.fieldState();
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
          published: [],
        }
      : { ...field, timestampSeconds: Math.max(field.timestampSeconds, nowSeconds) },
  );
  const publication = await planPublication({ store, crypto }, {});
  const strand = await planStrand(ports, publication, old);
  const names = new Set(await store.listDeviceNames());
  const forgotten = ((await old?.store.listDeviceNames()) ?? []).filter((name) => !names.has(name));
  return { publication, strand, forgotten, steps: stepsOf(strand) };
}

function stepsOf({ stranded }: PlannedStrand): readonly PlannedStep[] {
  const reset = {
    command: 'tftp-pki reset-phones --behind',
    when: 'then: phones take the new lists when they boot',
    stranded: 0,
  };
  if (stranded.length === 0) return [{ command: 'tftp-pki restore', when: 'now', stranded: 0 }, reset];
  return [
    {
      command: 'tftp-pki restore',
      when: 'of a later backup, when plan counts no stranded phone with it: this one lacks keys that phones rely on',
      stranded: null,
    },
    reset,
  ];
}

/** Failure `refused` unless nobody is stranded, or exactly as many phones as somebody said. */
export function refuseStrandingContinuation(
  { strand: { stranded } }: PlannedContinuation,
  allowed: number | undefined,
): void {
  if (stranded.length === (allowed ?? 0)) return;
  throw new Failure(
    'refused',
    `${stranded.length} phones would have no path to a configuration they believe: ${namesOf(stranded)}`,
    { hint: `Take a later backup, or do it all the same with --strand ${stranded.length}.` },
  );
}

export function publishContinuation(
  ports: PublishPorts,
  { publication }: PlannedContinuation,
  by: string,
): Promise<number> {
  return publishLists(ports, { planned: publication, who: by, operation: 'restore' });
}

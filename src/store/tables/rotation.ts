import type { Kysely } from 'kysely';
import type { Rotation, RotationChange } from '../../core/cluster/model.ts';
import type { Schema } from '../schema.ts';

export async function listRotations(query: Kysely<Schema>): Promise<readonly Rotation[]> {
  const rows = await query.selectFrom('rotation').selectAll().orderBy('purpose').execute();
  return rows.map(({ purpose, fresh, step, step_ms: stepMs, until_ms: untilMs }) => ({
    purpose,
    fresh,
    step,
    stepMs,
    untilMs,
  }));
}

export async function changeRotation(query: Kysely<Schema>, { purpose, to }: RotationChange): Promise<void> {
  await query.deleteFrom('rotation').where('purpose', '=', purpose).execute();
  if (to === undefined) return;
  const { fresh, step, stepMs, untilMs } = to;
  await query
    .insertInto('rotation')
    .values({ purpose, fresh, step, step_ms: stepMs, until_ms: untilMs })
    .execute();
}

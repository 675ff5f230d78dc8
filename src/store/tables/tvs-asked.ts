import type { Kysely } from 'kysely';
import { tvsAskersPerStatementMax } from '../../base/limits-database.ts';
import { anybodyAsked, type AskingPhone, type TvsAsker } from '../../core/tvs/asker.ts';
import type { Schema } from '../schema.ts';

/** The later time counts; what is older than `forgetBeforeMs` goes. */
export async function putTvsAskers(
  query: Kysely<Schema>,
  askers: readonly TvsAsker[],
  { askedMs, forgetBeforeMs }: { readonly askedMs: number; readonly forgetBeforeMs: number },
): Promise<void> {
  await query.deleteFrom('tvs_asked').where('asked_ms', '<', Math.floor(forgetBeforeMs)).execute();
  const asked_ms = Math.floor(askedMs);
  for (let at = 0; at < askers.length; at += tvsAskersPerStatementMax)
    await query
      .insertInto('tvs_asked')
      .values(
        askers
          .slice(at, at + tvsAskersPerStatementMax)
          .map(({ address, device = '' }) => ({ address, device, asked_ms })),
      )
      .onConflict((conflict) =>
        conflict
          .columns(['address', 'device'])
          .doUpdateSet({ asked_ms })
          .where('tvs_asked.asked_ms', '<', asked_ms),
      )
      .execute();
}

/** Since then: all, or those at these addresses, in the name of these devices, and who nobody can tell of. */
export async function findTvsAskers(
  query: Kysely<Schema>,
  phones: readonly AskingPhone[] | 'all',
  sinceMs: number,
): Promise<readonly TvsAsker[]> {
  const recent = query
    .selectFrom('tvs_asked')
    .select(['address', 'device'])
    .where('asked_ms', '>=', Math.floor(sinceMs));
  if (phones === 'all') return (await recent.execute()).map(askerOf);
  const found: TvsAsker[] = [];
  for (let at = 0; at < phones.length; at += tvsAskersPerStatementMax) {
    const some = phones.slice(at, at + tvsAskersPerStatementMax);
    const addresses = [anybodyAsked.address, ...some.map(({ address }) => address)];
    const devices = some.map(({ device }) => device);
    const rows = await recent
      .where((where) => where.or([where('address', 'in', addresses), where('device', 'in', devices)]))
      .execute();
    found.push(...rows.map(askerOf));
  }
  return found;
}

function askerOf({ address, device }: { readonly address: string; readonly device: string }): TvsAsker {
  return { address, device: device === '' ? undefined : device };
}

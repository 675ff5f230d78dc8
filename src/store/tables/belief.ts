import type { Kysely } from 'kysely';
import type { Delivery, Gap } from '../../core/trust/belief-book.ts';
import type { SharedBeliefs, StoredBelief } from '../../core/trust/belief-store.ts';
import { beliefsPerStatementMax } from '../../base/limits-database.ts';
import { handshakesIn, unansweredIn } from '../beliefs.ts';
import type { Schema } from '../schema.ts';

/** Only that node writes these rows, so no lock is needed. */
export async function putBeliefs(
  query: Kysely<Schema>,
  node: string,
  devices: readonly StoredBelief[],
  gaps: readonly Gap[],
): Promise<void> {
  for (const { number, atMs, pairs } of gaps)
    await query
      .insertInto('belief_gap')
      .values({ node, number, at_ms: Math.floor(atMs), pairs: pairs.join(' ') })
      .onConflict((conflict) => conflict.columns(['node', 'number']).doNothing())
      .execute();
  for (let at = 0; at < devices.length; at += beliefsPerStatementMax)
    await query
      .insertInto('belief')
      .values(
        devices.slice(at, at + beliefsPerStatementMax).map((belief) => ({
          node,
          device: belief.name,
          pairs: belief.pairs.join(' '),
          address: belief.address,
          heard_ms: Math.floor(belief.heardMs),
          proved_ms: belief.provedMs === undefined ? null : Math.floor(belief.provedMs),
          showed_ms: belief.showed === undefined ? null : Math.floor(belief.showed.atMs),
          showed_signer: belief.showed?.signer ?? null,
          unanswered: belief.unansweredConfigs,
          unanswered_configs: JSON.stringify(belief.unanswered ?? []),
          handshakes: JSON.stringify(belief.handshakes ?? []),
          gap: belief.gap,
          deliveries: JSON.stringify(belief.deliveries),
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['node', 'device']).doUpdateSet((row) => ({
          pairs: row.ref('excluded.pairs'),
          address: row.ref('excluded.address'),
          heard_ms: row.ref('excluded.heard_ms'),
          proved_ms: row.ref('excluded.proved_ms'),
          showed_ms: row.ref('excluded.showed_ms'),
          showed_signer: row.ref('excluded.showed_signer'),
          unanswered: row.ref('excluded.unanswered'),
          unanswered_configs: row.ref('excluded.unanswered_configs'),
          handshakes: row.ref('excluded.handshakes'),
          gap: row.ref('excluded.gap'),
          deliveries: row.ref('excluded.deliveries'),
        })),
      )
      .execute();
}

/** Of every node, those that left included: phones hold what they gave them. */
export async function listBeliefs(query: Kysely<Schema>): Promise<readonly SharedBeliefs[]> {
  const rows = await query.selectFrom('belief').selectAll().execute();
  const gaps = await query.selectFrom('belief_gap').selectAll().orderBy('number').execute();
  const byNode = new Map<string, { devices: StoredBelief[]; gaps: Gap[] }>();
  const of = (node: string): { devices: StoredBelief[]; gaps: Gap[] } => {
    const known = byNode.get(node) ?? { devices: [], gaps: [] };
    byNode.set(node, known);
    return known;
  };
  const spelled = new Map<string, readonly string[]>();
  const pairsOf = (text: string): readonly string[] => {
    const known = spelled.get(text) ?? text.split(' ');
    spelled.set(text, known);
    return known;
  };
  for (const row of rows)
    of(row.node).devices.push({
      name: row.device,
      pairs: pairsOf(row.pairs),
      address: row.address,
      heardMs: row.heard_ms,
      provedMs: row.proved_ms ?? undefined,
      ...(row.showed_ms !== null &&
        row.showed_signer !== null && { showed: { signer: row.showed_signer, atMs: row.showed_ms } }),
      unansweredConfigs: row.unanswered,
      ...unansweredIn(row.unanswered_configs),
      ...handshakesIn(row.handshakes),
      gap: row.gap,
      deliveries: JSON.parse(row.deliveries) as readonly Delivery[],
    });
  for (const row of gaps)
    of(row.node).gaps.push({ number: row.number, atMs: row.at_ms, pairs: pairsOf(row.pairs) });
  return [...byNode].map(([node, known]) => ({ node, ...known }));
}

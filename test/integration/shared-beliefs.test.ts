/**
 * What one node heard of a phone counts in the plans of every other (design.md §5, §7), on one real PostgreSQL: lists
 * that only the other node gave it, also while the database was away, and a phone that came there; and what one node's
 * TVS was asked for in vain is told by every other one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planOperation } from '../../src/app/trust-operation.ts';
import { renewCertificate } from '../../src/app/renew-certificate.ts';
import { showTrust } from '../../src/app/show-trust.ts';
import type { OpenNode } from '../../src/node/open-node.ts';
import { stranger } from '../helpers/clusters.ts';
import { SeveralNodes } from '../helpers/several-nodes.ts';
import { exchange, queryBytes } from '../helpers/tvs-peer.ts';

const [atA, atB, fresh, late] = [
  'SEP001122330001',
  'SEP001122330002',
  'SEP001122330003',
  'SEP001122330004',
] as const;
const cluster = new SeveralNodes([atA, atB, fresh, late]);
const nodes: OpenNode[] = [];
let isKilled = false;

beforeAll(async () => {
  await cluster.begin('a', 'b');
  await cluster.serve('a');
  await cluster.serveWith('b', '--tvs', '127.0.0.1:0');
  for (const name of ['a', 'b']) nodes.push(await cluster.open(name));
}, 120_000);
afterAll(async () => {
  if (isKilled) cluster.postgres.start();
  for (const node of nodes) await node.close();
  await cluster.end();
});

/** Lists of the last minute may have reached anybody; two hours on only what was heard counts. */
function later(node: OpenNode): OpenNode {
  return { ...node, clock: { nowMs: () => Date.now() + 7_200_000 } };
}

/** Who would be stranded if the first node signed files with its new key, as the node `asked` sees it. */
async function stranded(asked: OpenNode): Promise<readonly string[]> {
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  const switchOver = await renewCertificate(first, { purpose: 'callmanager', step: 'switch', by: 'a test' });
  return (await planOperation(later(asked), switchOver)).strand.stranded;
}

/** Phones to which lists were given, as the node knows. */
async function heard(node: OpenNode): Promise<readonly string[]> {
  const trusts = await Promise.all(cluster.phones.map((phone) => showTrust(node, phone)));
  return trusts.filter(({ deliveries }) => deliveries.length >= 2).map(({ name }) => name);
}

const patience = { timeout: 60_000, interval: 250 };

test('what the TVS of one node was asked for in vain is an alarm at the other one', async () => {
  await exchange(cluster.server('b').port('tvs'), queryBytes(stranger, `CP-8851-${fresh}`));
  const signer = expect.objectContaining({ serial: '0c:0c:00:01' }) as unknown;
  const alarm = { device: fresh, count: 1, signer };
  const told = async (): Promise<unknown> => (await cluster.done('a', 'status'))['unknownSigners'];
  await expect.poll(told, patience).toEqual([expect.objectContaining(alarm)]);
  expect(await cluster.done('a', 'show-trust', fresh)).toMatchObject({ askedTvs: { count: 1 } });
  expect(await cluster.done('a', 'plan', '--recover')).toMatchObject({
    phones: [{ name: fresh, why: ['asks-tvs'] }],
  });
}, 90_000);

test('what phones were given at one node counts in the plans of both, also what it heard without the database', async () => {
  await cluster.boot(atA, 'a');
  await cluster.boot(atB, 'b');
  cluster.postgres.kill();
  isKilled = true;
  await cluster.server('b').until('away', (line) => line.type === 'database' && line['state'] === 'away');
  await cluster.boot(late, 'b');
  cluster.postgres.start();
  isKilled = false;
  for (const node of nodes) await expect.poll(() => heard(node), patience).toEqual([atA, atB, late]);

  // All three hold lists that know neither the new signer of lists nor the new one of files.
  await cluster.done('a', 'renew-cert', 'itlrecovery', '--yes');
  await cluster.atItsCost('a', 'renew-cert', 'itlrecovery', '--switch');
  await cluster.done('a', 'renew-cert', 'callmanager', '--yes');
  await cluster.upToDate();
  for (const node of nodes) expect(await stranded(node)).toEqual([atA, atB, late]);
  const refused = await cluster.run('a', 'renew-cert', 'callmanager', '--switch', '--yes');
  expect(refused).toMatchObject({ status: 1, said: expect.stringContaining('no path to a configuration') });

  // Who comes for the first time holds nothing older than the lists of now, wherever it comes to; lists of the last five
  // seconds count as given, because a server cannot know which of them a transfer carried.
  await delay(6_000);
  await cluster.boot(fresh, 'b');
  for (const node of nodes) {
    await expect.poll(() => heard(node), patience).toEqual([atA, atB, fresh, late]);
    expect(await stranded(node)).toEqual([atA, atB, late]);
  }
}, 180_000);

/**
 * One node asks remote clusters for all (postgres-work.ts), on one real PostgreSQL: two see at the same moment that it is
 * time, one asks; when it is killed the other one does.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hopHeader } from '../../src/core/cluster/hop.ts';
import { Enterprise } from '../helpers/enterprise.ts';
import { foreignRemote, httpNotFound, httpOk, type ForeignRemote } from '../helpers/foreign-remote.ts';
import { SeveralNodes } from '../helpers/several-nodes.ts';

const cluster = new SeveralNodes(['SEP001122330001']);
const enterprise = new Enterprise();
const patience = { timeout: 60_000, interval: 50 };

beforeAll(() => cluster.begin('a', 'b'), 120_000);
afterAll(async () => {
  await cluster.end();
  enterprise.remove();
});

/** So late that a second node, if it asked, would have asked meanwhile; and no sign of a dead server. */
const answerAfterMs = 400;

/** A cluster in mixed mode with the lists of a real one, and who signs them. */
async function remoteCluster(): Promise<{ readonly remote: ForeignRemote; readonly pin: string }> {
  const member = enterprise.cluster('branch');
  await member.init('mixed');
  const lists = await member.with(({ store }) => store.currentLists());
  const files = new Map(lists.map(({ kind, bytes }) => [`${kind.toUpperCase()}File.tlv`, bytes]));
  const remote = await foreignRemote('127.0.41.1', {
    async http(name) {
      const bytes = files.get(name);
      await delay(answerAfterMs);
      return bytes === undefined ? httpNotFound : httpOk(bytes);
    },
  });
  return { remote, pin: `SHA256:${lists[0]?.signer ?? ''}` };
}

/** Who asked for the ITL, in order: each process has a number of its own. */
function askers({ raw }: ForeignRemote): readonly string[] {
  return raw
    .filter((head) => head.startsWith('GET /ITLFile.tlv'))
    .map((head) => new RegExp(`${hopHeader}: (\\S+)`, 'i').exec(head)?.[1] ?? 'nobody');
}

/** Until somebody has the work, whose lock has this number (postgres-work.ts). */
async function isTaken(): Promise<void> {
  const client = new Client({ connectionString: cluster.database });
  await client.connect();
  const held = `select count(*)::int as n from pg_locks where locktype = 'advisory' and granted
    and (classid::bigint << 32) + objid::bigint = 32760422078410603`;
  await expect.poll(async () => (await client.query<{ n: number }>(held)).rows[0]?.n, patience).toBe(1);
  await client.end();
}

test('one of two nodes asks a remote cluster for both; it is killed, and the other one asks', async () => {
  const { remote, pin } = await remoteCluster();
  // Who is there first has the work.
  await cluster.serve('a');
  await isTaken();
  await cluster.serve('b');
  const { tftp, http } = remote.server;
  const at = ['--tftp', `${tftp.address}:${tftp.port}`, '--http', `${http?.address}:${http?.port}`];
  await cluster.done('a', 'add-cluster', 'branch', ...at, '--secure', '--pin', pin);
  const node = await cluster.open('a');
  const evidence = async () => (await node.store.listProbes()).flatMap((probe) => probe.evidence);
  try {
    // What it hears is kept for the signers of both.
    await expect.poll(async () => (await evidence()).length, patience).toBe(2);
    await cluster.upToDate();
    const [first, ...others] = askers(remote);
    expect([first, others]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), []]);

    // A publication is a reason to ask again at once.
    cluster.kill('a');
    await cluster.done('a', 'update-itl', '--yes');
    await expect.poll(() => askers(remote).length, patience).toBe(2);
    expect(askers(remote)[1]).not.toBe(first);
  } finally {
    await node.close();
  }
}, 180_000);

/**
 * The proxy hears that another cluster's phones believe it now: an import and a new CTL there, then the exchange here,
 * which has its running server probe at once; nobody runs `probe-cluster`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Enterprise, type Member } from '../helpers/enterprise.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';

const lifeMs = 240_000;
let enterprise: Enterprise;
let hub: Member;
let alpha: Member;
let share: string;
const told: Record<string, string> = {};
const served: ServedNode[] = [];

beforeAll(async () => {
  enterprise = new Enterprise();
  [hub, alpha] = [enterprise.cluster('hub'), enterprise.cluster('alpha')];
  share = join(enterprise.world, 'share');
  mkdirSync(share);
  for (const member of [hub, alpha]) {
    await member.init('mixed');
    told[member.id] = String((await member.done('export-bulk', '--to', share))['signer']);
  }
  await hub.done('consolidate-bulk', '--at', share, '--accept', `alpha=${told['alpha']}`);
}, lifeMs);
afterAll(async () => {
  for (const node of served) await node.stop();
  enterprise.remove();
});

async function serve(member: Member, address: string): Promise<ServedNode> {
  const node = await serveProgram([
    '--tftp',
    `${address}:0`,
    '--http',
    `${address}:0`,
    '--data',
    member.data,
  ]);
  served.push(node);
  return node;
}

/** What `list-clusters` knows of alpha: the CTL's word of our signer, and when it was heard. */
async function heard(): Promise<{ readonly ctl: string | undefined; readonly at: string | undefined }> {
  const listed = (await hub.done('list-clusters')) as unknown as readonly {
    readonly probes: readonly { readonly at: string; readonly evidence?: { readonly ctl: string } }[];
  }[];
  const probe = listed[0]?.probes[0];
  return { ctl: probe?.evidence?.ctl, at: probe?.at };
}

async function take(member: Member, from: string): Promise<void> {
  const words = ['import-bulk', '--from', share, '--purpose', 'proxy'];
  await member.done(...words, '--cluster', from, '--accept', `${from}=${told[from]}`);
  await member.done(...words, '--apply', '--yes');
}

it('an import has the running proxy probe', { timeout: lifeMs }, async () => {
  const there = await serve(alpha, '127.0.31.1');
  const ports = ['--tftp', `127.0.31.1:${there.port('tftp')}`, '--http', `127.0.31.1:${there.port('http')}`];
  await hub.done('add-cluster', 'alpha', ...ports);
  await hub.done('probe-cluster', 'alpha', '--yes');
  await serve(hub, '127.0.30.1');
  expect(await heard()).toMatchObject({ ctl: 'silent' });

  await take(alpha, 'hub');
  await alpha.done('update-ctl', '--yes');
  const before = await heard();
  await take(hub, 'alpha');
  await expect.poll(async () => (await heard()).ctl, { timeout: 60_000, interval: 500 }).toBe('names');
  expect((await heard()).at).not.toBe(before.at);
});

/**
 * The proxy hears that another cluster's phones believe it now: an import and a new CTL there, then the exchange here,
 * which has its running server probe at once; nobody runs `probe-cluster`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Enterprise, type Member } from '../helpers/enterprise.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';

const lifeMs = 240_000;
const phone = 'SEP001122334455';
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
    const files = join(enterprise.world, `${member.id}-files`);
    mkdirSync(files);
    // Of the two only the proxy has a ring list.
    if (member === hub) writeFileSync(join(files, 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
    const names = ['--cluster', member.id, '--node', member.node];
    await member.done('init', ...names, '--mode', 'mixed', '--files', files);
    told[member.id] = String((await member.done('export-bulk', '--to', share))['signer']);
  }
  await alpha.done('add-device', phone, '--model', 'CP-8851', '--protocol', 'SIP', '--line', '1=1001');
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

/** What a phone of alpha makes of the ring list that it gets from the proxy. */
async function ringlist(proxy: ServedNode): Promise<string> {
  const server = [
    '--server',
    `127.0.30.1:${proxy.port('tftp')}`,
    '--http',
    `127.0.30.1:${proxy.port('http')}`,
  ];
  const state = join(enterprise.world, 'phone');
  const { json } = await alpha.run('boot-phone', phone, ...server, '--from', '127.0.31.10', '--state', state);
  const files = json['verdicts'] as readonly { readonly name: string; readonly outcome: string }[];
  return files.find(({ name }) => /^ringlist\.xml\.sgn$/i.test(name))?.outcome ?? JSON.stringify(json);
}

it(
  'an import has the running proxy probe, and phones over there are given its ring list',
  { timeout: lifeMs },
  async () => {
    const there = await serve(alpha, '127.0.31.1');
    const ports = [
      '--tftp',
      `127.0.31.1:${there.port('tftp')}`,
      '--http',
      `127.0.31.1:${there.port('http')}`,
    ];
    await hub.done('add-cluster', 'alpha', ...ports);
    await hub.done('probe-cluster', 'alpha', '--yes');
    const proxy = await serve(hub, '127.0.30.1');
    expect(await heard()).toMatchObject({ ctl: 'silent' });
    await ringlist(proxy);
    expect(await ringlist(proxy)).not.toBe('accepted');

    await take(alpha, 'hub');
    await alpha.done('update-ctl', '--yes');
    const before = await heard();
    await take(hub, 'alpha');
    await expect.poll(async () => (await heard()).ctl, { timeout: 60_000, interval: 500 }).toBe('names');
    expect((await heard()).at).not.toBe(before.at);
    // Its new CTL reaches it through the proxy, then the proxy's own ring list is given and believed.
    await ringlist(proxy);
    expect(await ringlist(proxy)).toBe('accepted');
  },
);

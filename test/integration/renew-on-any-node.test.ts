/**
 * Certificates of a node that is not the first, renewed on that node with the ITLRecovery key from its export
 * (design.md §5, domain.md §2), on one real PostgreSQL: both nodes' lists name every certificate at every step, phones
 * that remember boot from both and fall over all the time, and nothing is refused but what strands.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVerifier } from '../../src/pki/verifier.ts';
import { decodeTrustList } from '../../src/wire/trust-list.ts';
import { makeCorporateCa } from '../helpers/corporate-ca.ts';
import { Enterprise } from '../helpers/enterprise.ts';
import { ask, PhoneLoad } from '../helpers/phone-load.ts';
import { SeveralNodes } from '../helpers/several-nodes.ts';

const crypto = createVerifier();
const phones = ['SEP001122330001', 'SEP001122330002'];
const roaming = Array.from({ length: 4 }, (_, at) => `SEP00112233440${at}`);
const cluster = new SeveralNodes([...phones, ...roaming]);
const load = new PhoneLoad(roaming);
let running: ReturnType<PhoneLoad['start']> | undefined;

beforeAll(async () => {
  await cluster.begin('a', 'b');
  await cluster.serve('a', 'b');
  // These boot all the time, each from another node than before.
  running = load.start([cluster.server('a'), cluster.server('b')]);
}, 240_000);
afterAll(async () => {
  await running?.end();
  await cluster.end();
});

/** From each node and back, when both serve the newest lists. Gives who signed for them there. */
async function everybodyBoots(): Promise<{ readonly a: string; readonly b: string }> {
  await cluster.upToDate();
  const signers = { a: new Set<string>(), b: new Set<string>() };
  for (const node of ['b', 'a', 'b'] as const)
    for (const phone of phones) signers[node].add(await cluster.boot(phone, node));
  const [a = '', b = ''] = [...signers.a, ...signers.b];
  expect([signers.a.size, signers.b.size]).toEqual([1, 1]);
  return { a, b };
}

/** Each node's lists are of one moment, and name what domain.md §2 says; both nodes serve them. */
async function listsAgree(): Promise<void> {
  const node = await cluster.open('b');
  try {
    const rows = (await node.store.listCertificates()).filter(
      ({ store, retiredMs }) => store === 'own' && retiredMs === undefined,
    );
    const of = (purpose: string, name?: string): readonly string[] =>
      rows
        .filter((row) => row.purpose === purpose && (name === undefined || row.node === name))
        .map(({ fingerprint }) => fingerprint)
        .toSorted();
    const lists = await node.store.currentLists();
    expect(lists.map((list) => `${list.node} ${list.kind}`).toSorted()).toEqual([
      'a.example ctl',
      'a.example itl',
      'b.example ctl',
      'b.example itl',
    ]);
    for (const kind of ['itl', 'ctl'] as const) {
      const stamps = lists.filter((list) => list.kind === kind).map(({ timestamp }) => timestamp);
      expect(new Set(stamps).size).toBe(1);
    }
    for (const list of lists) {
      const decoded = decodeTrustList(list.bytes);
      if (!decoded.ok) throw new Error('a published list cannot be read');
      const held = (...roles: readonly string[]): readonly string[] =>
        [
          ...new Set(
            decoded.value.records
              .filter(({ role }) => roles.includes(role))
              .map(({ certificateDer }) => hexDigest(certificateDer ?? new Uint8Array())),
          ),
        ].toSorted();
      const fileSigners = of('callmanager');
      const expectedTftp = list.kind === 'itl' ? [...fileSigners, ...of('tftp-ec')].toSorted() : fileSigners;
      expect(held('TFTP', 'CCM+TFTP')).toEqual(expectedTftp);
      expect(held('SAST')).toEqual([...of('itlrecovery'), ...of('callmanager', list.node)].toSorted());
      expect(held('TVS')).toEqual(list.kind === 'itl' ? of('tvs') : []);
      const server = cluster.server(list.node.slice(0, 1));
      const name = `${list.kind.toUpperCase()}File.tlv`;
      expect(await ask(server, name)).toEqual({ kind: 'bytes', bytes: new Uint8Array(list.bytes) });
    }
  } finally {
    await node.close();
  }
}

function hexDigest(bytes: Uint8Array): string {
  return Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
}

/** On node b, its lists signed by the key that came; until both nodes serve them and every phone has them. */
async function renew(...words: readonly string[]): Promise<{ readonly a: string; readonly b: string }> {
  const done = await cluster.done('b', 'renew-cert', ...words, ...cluster.key, '--yes');
  expect(done['phones']).toMatchObject({ stranded: [] });
  const signers = await everybodyBoots();
  await listsAgree();
  return signers;
}

async function refused(node: string, ...words: readonly string[]): Promise<string> {
  const { status, said } = await cluster.run(node, ...words, '--yes');
  expect(`${status} ${said}`).toMatch(/^1 /);
  return said;
}

/** The fingerprint of a node's certificate in use, as the other node's commands tell it. */
async function inUse(purpose: string, node: string, asked: string): Promise<unknown> {
  const { certificates } = (await cluster.done(asked, 'list-certs')) as {
    certificates: readonly Record<string, unknown>[];
  };
  return certificates.find(
    (each) => each['purpose'] === purpose && each['node'] === node && each['isInUse'] === true,
  )?.['fingerprint'];
}

/** Who signs for phones at each node, as phones and the commands of the other node say. */
async function signersNow(): Promise<{ readonly a: string; readonly b: string }> {
  const signers = await everybodyBoots();
  expect(signers).toEqual({
    a: await inUse('callmanager', 'a.example', 'b'),
    b: await inUse('callmanager', 'b.example', 'a'),
  });
  return signers;
}

describe('on a node that is not the first', () => {
  test('without the key, or with one of elsewhere, nothing is done; a plan needs none', async () => {
    const before = await signersNow();
    const planned = await cluster.done('b', 'renew-cert', 'callmanager', '--dry-run');
    expect(planned).toMatchObject({ dryRun: true, generation: null, phones: { stranded: [] } });
    expect(planned['lists']).toHaveLength(4);
    const said = await refused('b', 'renew-cert', 'callmanager');
    expect(said).toContain('is not in this folder');
    expect(said).toContain('--key P12');
    const enterprise = new Enterprise();
    const foreign = enterprise.cluster('other');
    await foreign.init('mixed');
    const [p12, pass] = [join(enterprise.world, 'other.p12'), join(cluster.world, 'export.pass')];
    await foreign.done('export-recovery', p12, '--export-passphrase-file', pass);
    const key = ['--key', p12, '--key-passphrase-file', pass];
    expect(await refused('b', 'renew-cert', 'callmanager', ...key)).toContain('not the ITLRecovery of this');
    enterprise.remove();
    // What all nodes share stays in the folder where it lies.
    expect(await refused('b', 'renew-cert', 'itlrecovery', ...cluster.key)).toContain('not in this folder');
    expect(await everybodyBoots()).toEqual(before);
  }, 240_000);

  test('callmanager in two steps; nobody else renews an anchor meanwhile', async () => {
    const before = await signersNow();
    expect(await renew('callmanager')).toEqual(before);
    expect(await refused('a', 'renew-cert', 'tvs')).toContain('of callmanager on the node b.example');
    expect(await refused('a', 'renew-cert', 'callmanager')).toContain('of callmanager on the node b.example');
    expect(await refused('b', 'renew-cert', 'tvs', ...cluster.key)).toContain(
      'of callmanager is not finished',
    );
    const after = await renew('callmanager', '--switch');
    expect(after.a).toBe(before.a);
    expect(after.b).not.toBe(before.b);
    const pem = await cluster.done('b', 'export-cert', 'callmanager', '-o', join(cluster.world, 'b.pem'));
    expect(pem).toMatchObject({ fingerprint: after.b });
  }, 240_000);

  test('tvs in two steps', async () => {
    const old = await inUse('tvs', 'b.example', 'a');
    await renew('tvs');
    expect(await inUse('tvs', 'b.example', 'a')).toBe(old);
    await renew('tvs', '--switch');
    expect(await inUse('tvs', 'b.example', 'a')).not.toBe(old);
  }, 240_000);

  test('callmanager guided: each step there, and the first node is told whose it is', async () => {
    const before = await signersNow();
    const guided = ['callmanager', '--guided', '--within', '0'];
    expect(await renew(...guided)).toEqual(before);
    expect(await refused('a', 'renew-cert', 'callmanager', '--guided')).toContain('on the node b.example');
    expect(await refused('a', 'renew-cert', 'callmanager', '--guided', '--abort')).toContain('b.example');
    const after = await renew(...guided);
    expect(after.b).not.toBe(before.b);
    expect(await renew(...guided)).toEqual(after);
    expect((await cluster.done('a', 'status'))['renewals']).toEqual([]);
  }, 240_000);

  test('callmanager by the company’s CA: request and answer there', async () => {
    const before = await signersNow();
    const ca = makeCorporateCa(cluster.world);
    const at = (name: string): string => join(cluster.world, name);
    await cluster.done('b', 'issue-cert', 'callmanager', '--csr', '-o', at('b.csr'));
    writeFileSync(at('b-answer.pem'), ca.answer(readFileSync(at('b.csr'), 'utf8')));
    writeFileSync(at('chain.pem'), `${ca.issuingPem}${ca.rootPem}`);
    await cluster.done('b', 'import-cert', 'callmanager', at('b-answer.pem'), at('chain.pem'));
    for (const list of ['update-itl', 'update-ctl']) await cluster.done('b', list, ...cluster.key, '--yes');
    expect(await everybodyBoots()).toEqual(before);
    await listsAgree();
    const after = await renew('callmanager', '--switch');
    expect(after.a).toBe(before.a);
    expect(after.b).not.toBe(before.b);
  }, 240_000);
});

test('phones that booted all the time, each from another node than before, met nothing that they refused', async () => {
  const tally = await running?.end();
  running = undefined;
  expect(tally?.bad).toEqual([]);
  expect(tally?.boots).toBeGreaterThan(roaming.length);
});

test('a key that somebody has is cut off there whatever the other node has under way, which goes on', async () => {
  const before = await signersNow();
  await cluster.done('a', 'renew-cert', 'callmanager', '--guided', '--yes');
  await everybodyBoots();
  await cluster.done('b', 'renew-cert', 'callmanager', '--compromised', ...cluster.key, '--yes');
  const cut = await everybodyBoots();
  expect(cut.a).toBe(before.a);
  expect(cut.b).not.toBe(before.b);
  await listsAgree();
  for (const step of ['switched', undefined]) {
    await cluster.done('a', 'renew-cert', 'callmanager', '--guided', '--within', '0', '--yes');
    const renewals = step === undefined ? [] : [{ step }];
    expect((await cluster.done('b', 'status'))['renewals']).toMatchObject(renewals);
    expect((await everybodyBoots()).a).not.toBe(before.a);
  }
  await listsAgree();
}, 240_000);

test('phones that know only the signer of before: their renewal is refused on that node', async () => {
  await cluster.done('a', 'renew-cert', 'itlrecovery', '--yes');
  await everybodyBoots();
  // Nothing proves that they took these lists, so the plan counts those who may hold older ones.
  await cluster.atItsCost('a', 'renew-cert', 'itlrecovery', '--switch');
  expect(await refused('b', 'renew-cert', 'callmanager', ...cluster.key)).toContain(
    'not the ITLRecovery of this',
  );
  await cluster.exportRecovery('a');
  await cluster.done('b', 'renew-cert', 'callmanager', ...cluster.key, '--yes');
  await everybodyBoots();
  const said = await refused('b', 'renew-cert', 'callmanager', '--switch', ...cluster.key);
  expect(said).toContain('no path to a configuration they believe');
  await renew('callmanager', '--abort');
}, 240_000);

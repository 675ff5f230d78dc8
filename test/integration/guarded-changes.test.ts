/**
 * Changes of trust that publish no list by themselves stand before the planner too: a device is moved by what it may
 * hold, not by what is published; certificates leave and come, and adopted lists are led through a boot.
 */
import { existsSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readField } from '../../src/app/field.ts';
import type { Delivery } from '../../src/core/trust/belief-book.ts';
import { writePem } from '../../src/pki/pem.ts';
import { Enterprise, fileIn, type Member } from '../helpers/enterprise.ts';
import { party } from '../helpers/trust-builder.ts';

const [stale, came, forged, silent, drawer] = [1, 2, 3, 4, 5].map((at) => `SEP00112233000${at}`) as [
  string,
  string,
  string,
  string,
  string,
];
const beta1 = '127.0.2.1:69';
let enterprise: Enterprise;
let alpha: Member;
let beta: Member;
/** SHA-256 of alpha's lists, generation by generation. */
const generations: { readonly ctl: string; readonly itl: string }[] = [];

async function published(): Promise<{ ctl: string; itl: string }> {
  const lists = await alpha.with(({ store }) => store.currentLists());
  const of = (kind: 'ctl' | 'itl'): string => lists.find((list) => list.kind === kind)?.sha256 ?? '';
  return { ctl: of('ctl'), itl: of('itl') };
}

beforeAll(async () => {
  enterprise = new Enterprise();
  alpha = enterprise.cluster('alpha');
  beta = enterprise.cluster('beta');
  await alpha.init('mixed');
  await beta.init('mixed');
  for (const name of [stale, came, forged, silent, drawer])
    await alpha.done('add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  generations.push(await published());
}, 60_000);
afterAll(() => enterprise.remove());

/** What a probe of beta's server would have brought. */
async function probed(): Promise<void> {
  const { itl, ctl } = await beta.lists();
  const list = (kind: 'itl' | 'ctl', bytes: Uint8Array) =>
    ({ cluster: 'beta', server: beta1, kind, bytes, sha256: kind, seenMs: 1 }) as const;
  await alpha.with(({ store }) =>
    store.saveProbe({
      cluster: 'beta',
      server: beta1,
      atMs: 1,
      lists: [list('itl', itl), list('ctl', ctl ?? new Uint8Array())],
      evidence: [],
      frozen: undefined,
    }),
  );
}

describe('move-device', () => {
  it('has no path while nothing names the destination, and says what would', async () => {
    await alpha.done('add-cluster', 'beta', '--tftp', '127.0.2.1');
    await probed();
    const { status, json } = await alpha.run('move-device', silent, '--to', 'beta', '--dry-run');
    expect({ status, json }).toMatchObject({
      status: 1,
      json: { phones: { count: 1, stranded: [silent] }, moves: [{ kind: 'none' }] },
    });
  });

  it('judges every pair that a device may hold: a published list that it never took opens no path', async () => {
    const rows = await beta.with(({ store }) => store.listCertificates());
    const recovery = rows.find(({ purpose }) => purpose === 'itlrecovery')?.der ?? new Uint8Array();
    const pem = fileIn(enterprise, 'beta.pem', writePem('CERTIFICATE', recovery));
    await alpha.done('trust-cert', pem, '--store', 'phone-sast-trust', '--yes');
    await alpha.done('update-ctl', '--yes');
    generations.push(await published());
    // Phones take no list that is older than theirs, whoever signed it.
    await delay(2_100);
    await beta.done('update-ctl', '--yes');
    await beta.done('update-itl', '--yes');
    await probed();
    const [first, second] = generations;
    const given = (how: Delivery['how']): readonly Delivery[] =>
      (['ctl', 'itl'] as const).map((kind) => ({ kind, sha256: second?.[kind] ?? '', sinceMs: 5, how }));
    const pairs = [`${first?.ctl}/${first?.itl}`];
    alpha.believe(
      { name: stale, pairs },
      { name: came, pairs, deliveries: given('tcp'), provedMs: 6 },
      { name: forged, pairs, deliveries: given('single-port') },
      { name: drawer, pairs, deliveries: given('transfer-port'), provedMs: 6, heardMs: 7 },
    );
    const csv = fileIn(enterprise, 'move.csv', [stale, came, forged, silent, drawer].join('\n'));
    const move = ['move-device', '--file', csv, '--to', 'beta'];
    const planned = await alpha.run('plan', ...move);
    expect(planned).toMatchObject({
      status: 1,
      json: {
        phones: {
          count: 5,
          stranded: [stale],
          unknown: [forged, silent],
          offline: [drawer],
          pairs: expect.arrayContaining([
            expect.objectContaining({
              ctl: '1',
              itl: '1',
              phones: 4,
              now: expect.objectContaining({ kind: 'none' }),
              booted: expect.objectContaining({ kind: 'path' }),
            }),
          ]),
          steps: [
            { when: expect.stringContaining('SAST'), stranded: null },
            { command: 'tftp-pki update-ctl and update-itl' },
            { command: 'tftp-pki reset-phones' },
            { command: 'tftp-pki move-device --to beta' },
          ],
        },
      },
    });
    expect(JSON.stringify(planned.json)).toContain('with CTL 1 and ITL 1, which it may hold');
    expect((await alpha.run(...move)).said).toContain(`1 of 5 devices have no path to beta: ${stale}`);
    expect((await alpha.run(...move, '--strand', '2')).status).toBe(1);
    const one = ['move-device', came, '--to', 'beta'];
    expect((await alpha.run(...one, '--strand', '1')).said).toContain('no device is stranded');
    expect(await alpha.with(({ store }) => store.findHome(came))).toBeUndefined();
    expect(await alpha.done(...one)).toMatchObject({ restart: [], reset: 'moved phones' });
    await alpha.done(...move, '--strand', '1');
    expect(await alpha.with(({ store }) => store.findHome(stale))).toMatchObject({
      home: { kind: 'remote', cluster: 'beta' },
    });
  });

  it('a device that showed nothing since the lists came may have refused them: nobody knows', async () => {
    const [first, second] = generations;
    const deliveries = (['ctl', 'itl'] as const).map(
      (kind) => ({ kind, sha256: second?.[kind] ?? '', sinceMs: 5, how: 'tcp' }) as const,
    );
    // What beta publishes opens no way back; it was there on paper only.
    await alpha.done('move-device', came, '--to', 'alpha', '--strand', '1');
    alpha.believe({ name: came, pairs: [`${first?.ctl}/${first?.itl}`], deliveries, provedMs: 4 });
    const { json } = await alpha.run('plan', 'move-device', came, '--to', 'beta');
    expect(json).toMatchObject({ phones: { stranded: [], unknown: [came] } });
  });

  it('has no path to lists with SHA-512 for a model of which nobody said that it reads that', async () => {
    await beta.done('set-hash', 'sha512', '--yes');
    await probed();
    const planned = () => alpha.run('plan', 'move-device', came, '--to', 'beta');
    const refused = await planned();
    expect(refused).toMatchObject({ status: 1, json: { phones: { stranded: [came] } } });
    expect(JSON.stringify(refused.json)).toContain('risk.sha512Models');
    writeFileSync(join(alpha.data, 'tftp-pki.yaml'), 'risk:\n  sha512Models: [CP-8851]\n');
    expect(await planned()).toMatchObject({ json: { phones: { stranded: [], unknown: [came] } } });
  });
});

describe('certificates that go and come', () => {
  it('remove-cert is planned, counted and refused for a wrong number', async () => {
    const rows = await alpha.with(({ store }) => store.listCertificates());
    const id = String(rows.find(({ store }) => store === 'phone-sast-trust')?.id);
    const planned = await alpha.run('plan', 'remove-cert', id);
    expect(planned).toMatchObject({ status: 0, json: { dryRun: true, phones: { count: 5, stranded: [] } } });
    const refused = await alpha.run('remove-cert', id, '--strand', '1');
    expect(refused.status).toBe(1);
    expect(refused.said).toContain('no phone is stranded');
    expect(await alpha.done('remove-cert', id)).toMatchObject({
      listedIn: ['CTL'],
      dryRun: false,
      restart: [],
      reset: 'no phone',
    });
    expect((await alpha.run('remove-cert', id)).status).toBe(1);
  });

  it('import-bulk is planned with the CTL that follows it', async () => {
    const { der } = party({ key: 'callmanager-a', subject: [['CN', 'west.example']], serial: '77' });
    const pem = fileIn(enterprise, 'west/CallManager.pem', writePem('CERTIFICATE', der));
    const from = ['import-bulk', '--from', join(pem, '..'), '--purpose', 'proxy', '--foreign', 'west'];
    const planned = await alpha.run('plan', ...from);
    expect(planned).toMatchObject({
      status: 0,
      json: { applied: false, phones: { count: 5, stranded: [], pairs: expect.any(Array) } },
    });
    const { fingerprint } = planned.json['directory'] as { fingerprint: string };
    const apply = [...from, '--apply', '--yes', '--accept', `west=${fingerprint}`];
    expect((await alpha.run(...apply, '--strand', '3')).said).toContain('no phone is stranded');
    expect(await alpha.done(...apply, '--dry-run')).toMatchObject({ applied: false });
    expect(await alpha.done(...apply)).toMatchObject({ applied: true });
    expect(await alpha.done(...from)).toMatchObject({ phones: null });
  });
});

it('adopt leads phones with either of the adopted lists, or both, through a boot first', async () => {
  const vector = (name: string): string => join(import.meta.dirname, '../vectors/open-tool', name);
  const lists = ['--itl', vector('ITL-sha1.tlv'), '--ctl', vector('CTL-sha1.tlv')];
  const gamma = enterprise.cluster('gamma');
  const sast = ['--sast', vector('itlrecovery.pem'), '--node', gamma.node];
  const adopted = await gamma.done('plan', 'adopt', ...sast, ...lists);
  // Without the CallManager key files are signed by a new one, which phones know by the new lists.
  expect(adopted['pairs']).toEqual(
    ['none/0', '0/none', '0/0'].map((pair) => {
      const [ctl, itl] = pair.split('/');
      return { ctl, itl, after: [expect.stringMatching(/^CTL, with new lists$/)] };
    }),
  );
  expect(adopted).toMatchObject({ restart: ['TVS', 'CAPF'], reset: 'all phones' });
  // A key that no SAST of theirs is of leads none of these phones: refused, and no folder made.
  const stranger = ['--sast', vector('capf.pem'), '--node', gamma.node];
  const refused = await gamma.run('adopt', ...stranger, ...lists);
  expect(refused).toMatchObject({ status: 1, said: expect.stringContaining('take no list signed by') });
  expect(existsSync(gamma.data)).toBe(false);
});

it('a list that was replaced a moment ago may have reached whoever was not heard since, and nobody else', async () => {
  const delta = enterprise.cluster('delta');
  await delta.init('nonsecure');
  for (const name of [stale, came, silent])
    await delta.done('add-device', name, '--model', 'CP-8851', '--protocol', 'SIP');
  const itl = () => delta.with(async ({ store }) => (await store.currentLists())[0]);
  const first = await itl();
  await delta.done('update-itl', '--yes');
  const second = await itl();
  const endMs = second?.publishedMs ?? 0;
  const pairs = [`/${second?.sha256}`];
  delta.believe({ name: stale, pairs, heardMs: endMs }, { name: came, pairs, heardMs: endMs + 5_000 });
  const mayHold = (nowMs: number) =>
    delta.with(async (node) => {
      const { devices, sets } = await readField({ ...node, clock: { nowMs: () => nowMs } });
      const holders = devices.filter(({ set }) => sets.pairs(set).includes(`/${first?.sha256}`));
      return holders.map(({ name }) => name);
    });
  expect(first?.sha256).not.toBe(second?.sha256);
  expect(await mayHold(endMs + 10_000)).toEqual([stale]);
  expect(await mayHold(endMs + 61_000)).toEqual([]);
});

/** Phones that cannot follow: how each is found, and which ways lead it back, through the renewals of one cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutOff } from '../../../src/app/guided-rotation.ts';
import { planRecovery, type StuckPhone } from '../../../src/app/recover.ts';
import { renewCertificate, type RenewalStep } from '../../../src/app/renew-certificate.ts';
import { resetByLocalKey } from '../../../src/app/reset-lists.ts';
import { updateCtl, updateItl } from '../../../src/app/update-lists.ts';
import { pairKey } from '../../../src/core/trust/belief.ts';
import type { NewList } from '../../../src/core/ports.ts';
import { judgeFile } from '../../../src/core/trust/judge.ts';
import type { CertificatePurpose, PublishedList } from '../../../src/core/cluster/model.ts';
import { writeTvsFile } from '../../../src/node/tvs-file.ts';
import { a as others, itlOf, role } from '../../helpers/clusters.ts';
import { record, trustList } from '../../helpers/trust-builder.ts';
import { given, SeededCluster } from '../../helpers/seeded-cluster.ts';

const dayMs = 86_400_000;
const names = {
  first: 'SEP001122330001',
  latest: 'SEP001122330002',
  elsewhere: 'SEP001122330003',
  factory: 'SEP001122330004',
  restored: 'SEP001122330005',
  stuck: 'SEP001122330006',
};
const cluster = new SeededCluster(1);
let firstLists: readonly PublishedList[];
let foreign: readonly PublishedList[];

beforeAll(async () => {
  await cluster.begin('mixed');
  await cluster.addPhones(...Object.values(names));
  firstLists = await cluster.lists('a.example');
  // Of another time of this database: by signers that nobody here has, and with no signer of lists at all.
  const { sast, callmanager } = others;
  const withoutSast = [record({ role: role.tftp, of: callmanager })];
  const bare = trustList({ by: sast, as: 'ITLFile.tlv', timestamp: 1, records: withoutSast });
  foreign = [await foreignItl(itlOf(others)), await foreignItl(bare)];
  await publishAsIs(firstLists);
});
afterAll(() => cluster.end());

async function foreignItl(bytes: Uint8Array): Promise<PublishedList> {
  const { crypto } = cluster.node;
  const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
  const list = {
    kind: 'itl',
    node: 'a.example',
    bytes,
    sha256,
    signer: '',
    timestamp: 1,
    publishedMs: 1,
  } as const;
  await publishAsIs([list]);
  return { ...list, generation: 0 };
}

async function publishAsIs(lists: readonly NewList[]): Promise<void> {
  const audit = { atMs: 1, who: 'a test', operation: 'lists of another time', detail: {} };
  await cluster.node.store.publish(lists, () => undefined, audit);
}

function pairOf(lists: readonly PublishedList[]): string {
  const of = (kind: 'ctl' | 'itl') => lists.find((list) => list.kind === kind)?.sha256 ?? '';
  return pairKey({ ctl: of('ctl'), itl: of('itl') });
}

/** Refusing, with this pair alone: who was heard of may hold the lists in force, too. */
function holding(pairs: Readonly<Record<string, string>>): void {
  for (const [name, pair] of Object.entries(pairs))
    cluster.believe({ name, heardMs: 0, pairs: [pair], unansweredConfigs: 5, provedMs: 1 });
}

async function stuck(): Promise<ReadonlyMap<string, StuckPhone>> {
  const { phones } = await planRecovery(cluster.node, { behindMs: 7 * dayMs, unknownSigners: [] });
  return new Map(phones.map((phone) => [phone.name, phone]));
}

async function waysOf(pairs: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>> {
  holding(pairs);
  const phones = await stuck();
  return Object.fromEntries(
    Object.entries(pairs).map(([name, pair]) => {
      const phone = phones.get(name);
      const shown = phone?.mayHold ?? [];
      expect(shown.length, `${name} holds ${pair}`).toBe(1);
      return [name, phone?.ways.filter(({ frees }) => frees.includes(shown[0] ?? '')).map(({ way }) => way)];
    }),
  );
}

async function renew(purpose: CertificatePurpose, ...steps: readonly RenewalStep[]): Promise<void> {
  for (const step of steps)
    await cluster.publish(await renewCertificate(cluster.node, { purpose, step, by: 'a test' }));
}

describe('the ways back', () => {
  it('of the pairs that are known, and of those that nobody knows', async () => {
    const [lost, bare] = foreign.map((list) => pairOf([list]));
    expect(
      await waysOf({
        [names.first]: pairOf(firstLists),
        [names.elsewhere]: '?',
        [names.factory]: '/',
        [names.restored]: lost ?? '',
        [names.stuck]: bare ?? '',
      }),
    ).toEqual({
      [names.first]: ['nothing to do'],
      [names.elsewhere]: ['restored ITLRecovery', 'bulk import', 'rollback list', 'hands'],
      [names.factory]: ['nothing to do'],
      [names.restored]: ['restored ITLRecovery', 'hands'],
      [names.stuck]: ['hands'],
    });
    const phones = await stuck();
    expect([...phones.values()].filter(({ needsHands }) => needsHands).map(({ name }) => name)).toEqual([
      names.stuck,
    ]);
  });

  it('through a renewal of ITLRecovery: the CallManager key in use, and the one that is retired and kept', async () => {
    await renew('itlrecovery', 'begin', 'switch');
    expect(await waysOf({ [names.first]: pairOf(firstLists) })).toEqual({
      [names.first]: ['CallManager key', 'kept signer'],
    });
  });

  it('and one of CallManager: the TVS that the old ITL names, and both retired keys', async () => {
    const between = await cluster.lists('a.example');
    await renew('callmanager', 'begin', 'switch');
    expect(await waysOf({ [names.first]: pairOf(firstLists), [names.latest]: pairOf(between) })).toEqual({
      [names.first]: ['TVS', 'kept signer'],
      [names.latest]: ['nothing to do'],
    });
    // Lists by the new CallManager key, which phones between the two renewals do not know.
    for (const kind of ['itl', 'ctl'] as const)
      await cluster.publish(await resetByLocalKey(cluster.node, kind));
    expect(await waysOf({ [names.latest]: pairOf(between) })).toEqual({
      [names.latest]: ['TVS', 'ITLRecovery', 'kept signer'],
    });
    await cluster.publish(await updateItl(cluster.node, { rollback: false }));
    await cluster.publish(await updateCtl(cluster.node));
  });

  it('any pair of ours has the ways of all of them', async () => {
    expect(await waysOf({ [names.first]: '*' })).toEqual({
      [names.first]: expect.arrayContaining(['nothing to do', 'TVS', 'kept signer', 'hands']),
    });
  });
});

describe('reset-itl keptkey', () => {
  it('signs once more with a retired key: phones that missed both renewals take these lists', async () => {
    const inForce = await cluster.lists('a.example');
    holding({ [names.first]: pairOf(firstLists), [names.latest]: pairOf(inForce) });
    const { keptSigners } = JSON.parse((await cluster.run('plan', '--recover')).text) as {
      keptSigners: readonly string[];
    };
    expect(keptSigners).toHaveLength(2);
    for (const signer of keptSigners) {
      expect((await cluster.run('reset-itl', 'keptkey')).status).toBe(2);
      const { status, said } = await cluster.run(
        'reset-itl',
        'keptkey',
        '--signer',
        `SHA256:${signer}`,
        '--yes',
      );
      expect({ status, said }).toMatchObject({ status: 0, said: expect.stringContaining('retired key') });
      const held = (lists: readonly PublishedList[]) => ({
        ctl: lists.find(({ kind }) => kind === 'ctl')?.bytes,
        itl: lists.find(({ kind }) => kind === 'itl')?.bytes,
      });
      const now = await cluster.lists('a.example');
      const { ctl } = held(now);
      if (ctl === undefined) throw new Error('there is a CTL');
      const nowSeconds = Math.floor(Date.now() / 1000);
      const file = { name: 'CTLFile.tlv', bytes: ctl };
      const { crypto } = cluster.node;
      expect(judgeFile(crypto, held(firstLists), file, nowSeconds)).toMatchObject({ phone: 'accept' });
      // Those that hold the lists in force keep them, and take the next ones.
      expect(judgeFile(crypto, held(inForce), file, nowSeconds).phone).not.toBe('accept');
      await cluster.publish(await updateItl(cluster.node, { rollback: false }));
      await cluster.publish(await updateCtl(cluster.node));
    }
  });

  it('never with a key that was cut off, nor with one that is none of ours', async () => {
    const { store, crypto } = cluster.node;
    const inUse = (await store.listCertificates()).find(
      ({ purpose, retiredMs }) => purpose === 'callmanager' && retiredMs === undefined,
    );
    const before = await cluster.lists('a.example');
    await cluster.publish(await cutOff(cluster.node, 'a test'));
    const fingerprint = inUse?.fingerprint ?? '';
    expect(crypto.readCertificate(inUse?.der ?? new Uint8Array())?.fingerprint).toBe(fingerprint);
    for (const signer of [fingerprint, 'f'.repeat(64)])
      expect(await cluster.run('reset-itl', 'keptkey', '--signer', signer, '--yes')).toMatchObject({
        status: 1,
        said: expect.stringContaining('no retired signer'),
      });
    expect(await waysOf({ [names.latest]: pairOf(before) })).toEqual({ [names.latest]: ['nothing to do'] });
  });
});

describe('who is listed', () => {
  const [refuses, doubted, asks, behind, fine] = Object.values(names) as [
    string,
    string,
    string,
    string,
    string,
  ];

  beforeAll(async () => {
    const current = await cluster.lists('a.example');
    const pairs = [pairOf(current)];
    const heardMs = Date.now();
    const deliveries = given(current, heardMs);
    const well = { pairs, heardMs, deliveries, provedMs: heardMs };
    for (const name of Object.values(names)) cluster.believe({ name, ...well });
    cluster.believe({ name: refuses, ...well, unansweredConfigs: 7 });
    cluster.believe({ name: doubted, ...well, pairs: [...pairs, '?'], provedMs: undefined });
    // Given the first lists alone, which were replaced before: whatever came since, it is further behind each day.
    const old = given(firstLists, 1);
    cluster.believe({ name: behind, ...well, deliveries: old, heardMs: heardMs + 9 * dayMs });
    writeTvsFile(cluster.node.folder, {
      pid: 0,
      unknownSigners: [
        { device: asks, count: 12, lastMs: heardMs, signer: { issuer: 'CN=somebody', serial: '0a:0b' } },
      ],
    });
  });

  it('plan --recover: why, how often, since when, and what a TVS was asked for', async () => {
    const { status, text } = await cluster.run('plan', '--recover');
    const { devices, phones } = JSON.parse(text) as { devices: number; phones: readonly StuckPhone[] };
    expect({ status, devices }).toEqual({ status: 0, devices: 6 });
    expect(phones).toMatchObject([
      { name: refuses, why: ['refusing'], unansweredConfigs: 7, behindSince: null, tvs: null },
      { name: doubted, why: ['unknown'] },
      {
        name: asks,
        why: ['asks-tvs'],
        tvs: { count: 12, signer: { issuer: 'CN=somebody', serial: '0a:0b' } },
      },
      { name: behind, why: ['behind'], behindSince: expect.stringMatching(/Z$/) },
    ]);
    expect(phones.map(({ name }) => name)).not.toContain(fine);
    const people = await cluster.runPlain('plan', '--recover');
    expect(people.text).toContain('4 of 6 phones need a look');
    expect(people.text).toMatch(new RegExp(`${refuses} +refusing \\(7 times\\)`));
    expect(people.text).toMatch(new RegExp(`${asks} +asks-tvs \\(12 times\\)`));
    expect(people.text).toMatch(new RegExp(`${behind} +behind \\(\\d+ days\\)`));
  });

  it('--behind says for how long; a publication since then makes nobody young again', async () => {
    const behindFor = async (days: number): Promise<readonly string[]> => {
      const { text } = await cluster.run('plan', '--recover', '--behind', String(days));
      const { phones } = JSON.parse(text) as { phones: readonly StuckPhone[] };
      return phones.filter(({ why }) => why.includes('behind')).map(({ name }) => name);
    };
    expect(await behindFor(8)).toEqual([behind]);
    expect(await behindFor(30)).toEqual([]);
    await cluster.publish(await updateItl(cluster.node, { rollback: false }));
    expect(await behindFor(8)).toEqual([behind]);
  });

  it('list-devices --refusing and --unknown', async () => {
    const listed = async (...words: readonly string[]): Promise<readonly string[]> =>
      (JSON.parse((await cluster.run('list-devices', ...words)).text) as { name: string }[]).map(
        ({ name }) => name,
      );
    expect(await listed('--refusing')).toEqual([refuses]);
    expect(await listed('--unknown')).toEqual([doubted]);
    expect(await listed('--refusing', '--unknown')).toEqual([refuses, doubted]);
    expect(await listed()).toHaveLength(6);
  });
});
